package tabular

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// JSON is what was found in a file of JSON documents.
type JSON struct {
	Array   bool // one array of objects; else one object after another
	Columns []Field
	Rows    int
}

// ErrNotJSON reports a text that is no series of JSON objects.
var ErrNotJSON = errors.New("text is not a series of JSON objects")

// SniffJSON finds the fields of the objects in the beginning of a file. complete says that the sample is the whole file:
// else its last object may be cut and is left out.
func SniffJSON(sample []byte, complete bool) (JSON, error) {
	sample = bytes.TrimLeft(bytes.TrimPrefix(sample, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(sample) == 0 || sample[0] != '{' && sample[0] != '[' {
		return JSON{}, ErrNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(sample))
	d.UseNumber()
	j := JSON{Array: sample[0] == '['}
	if j.Array {
		if _, err := d.Token(); err != nil {
			return JSON{}, ErrNotJSON
		}
	}
	all := Type{Base: "struct"}
	for j.Rows < 10_000 && (!j.Array || d.More()) {
		t, err := decodeType(d, 0)
		if errors.Is(err, io.EOF) && !j.Array {
			break
		}
		if err != nil || t.Base != "struct" {
			if j.Rows > 0 && !(complete && j.Array) {
				break // the last object is cut, or a line is broken: whoever reads the table is told which
			}
			return JSON{}, ErrNotJSON
		}
		all.Fields = MergeFields(all.Fields, t.Fields)
		j.Rows++
	}
	if j.Rows == 0 || len(all.Fields) == 0 {
		return JSON{}, ErrNotJSON
	}
	j.Columns = all.Fields
	return j, nil
}

// decodeType reads one value, keeping the order of an object's fields.
func decodeType(d *json.Decoder, depth int) (Type, error) {
	if depth > 100 {
		return Type{}, ErrNotJSON
	}
	tok, err := d.Token()
	if err != nil {
		return Type{}, err
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '{' {
			return decodeStruct(d, depth)
		}
		elem := Null
		for d.More() {
			t, err := decodeType(d, depth+1)
			if err != nil {
				return Type{}, err
			}
			elem = Merge(elem, t)
		}
		_, err := d.Token()
		return Type{Base: "array", Elem: &elem}, err
	case bool:
		return Boolean, nil
	case json.Number:
		return numberType(v.String()), nil
	case string:
		return String, nil
	}
	return Null, nil
}

func decodeStruct(d *json.Decoder, depth int) (Type, error) {
	t := Type{Base: "struct"}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return Type{}, err
		}
		text, ok := name.(string)
		if !ok {
			return Type{}, ErrNotJSON
		}
		f, err := decodeType(d, depth+1)
		if err != nil {
			return Type{}, err
		}
		t.Fields = MergeFields(t.Fields, []Field{{text, f}})
	}
	if _, err := d.Token(); err != nil {
		return Type{}, err
	}
	if len(t.Fields) == 0 {
		return Null, nil
	}
	return t, nil
}

func numberType(s string) Type {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return Double
	case n >= -1<<31 && n < 1<<31:
		return Int
	}
	return Bigint
}
