package duck

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"io"
	"math"
	"math/big"
)

// A frame is a kind byte, a length and a body. Kinds from the worker: columns, rows, done, failed.
const (
	frameReady   = 'R'
	frameJob     = 'J'
	frameColumns = 'C'
	frameRows    = 'r'
	frameDone    = 'D'
	frameFailed  = 'E'

	maxFrame = 1 << 30
)

func writeFrame(w *bufio.Writer, kind byte, body []byte) error {
	var head [5]byte
	head[0] = kind
	binary.LittleEndian.PutUint32(head[1:], uint32(len(body)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

func readFrame(r *bufio.Reader) (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes exceeds %d", n, maxFrame)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return head[0], body, err
}

func encodeGob(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func decodeGob(b []byte, v any) error { return gob.NewDecoder(bytes.NewReader(b)).Decode(v) }

// Tags of values in a rows frame.
const (
	tagNull = iota
	tagFalse
	tagTrue
	tagInt
	tagFloat
	tagDouble
	tagString
	tagBytes
	tagBig
	tagNegBig
	tagList
)

// appendValue appends the Go form of a value (package value).
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, tagNull), nil
	case bool:
		if v {
			return append(b, tagTrue), nil
		}
		return append(b, tagFalse), nil
	case int64:
		return binary.AppendVarint(append(b, tagInt), v), nil
	case float32:
		return binary.LittleEndian.AppendUint32(append(b, tagFloat), math.Float32bits(v)), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, tagDouble), math.Float64bits(v)), nil
	case string:
		return append(binary.AppendUvarint(append(b, tagString), uint64(len(v))), v...), nil
	case []byte:
		return append(binary.AppendUvarint(append(b, tagBytes), uint64(len(v))), v...), nil
	case *big.Int:
		tag, raw := byte(tagBig), v.Bytes()
		if v.Sign() < 0 {
			tag = tagNegBig
		}
		return append(binary.AppendUvarint(append(b, tag), uint64(len(raw))), raw...), nil
	case []any:
		b = binary.AppendUvarint(append(b, tagList), uint64(len(v)))
		var err error
		for _, x := range v {
			if b, err = appendValue(b, x); err != nil {
				return b, err
			}
		}
		return b, nil
	}
	return b, fmt.Errorf("value of Go type %T cannot be sent", v)
}

// errFrame reports a damaged rows frame.
var errFrame = fmt.Errorf("damaged frame of rows")

// readValue reads one value and returns the rest of b.
func readValue(b []byte) (any, []byte, error) {
	if len(b) == 0 {
		return nil, nil, errFrame
	}
	tag := b[0]
	b = b[1:]
	switch tag {
	case tagNull:
		return nil, b, nil
	case tagFalse, tagTrue:
		return tag == tagTrue, b, nil
	case tagInt:
		v, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, errFrame
		}
		return v, b[n:], nil
	case tagFloat:
		if len(b) < 4 {
			return nil, nil, errFrame
		}
		return math.Float32frombits(binary.LittleEndian.Uint32(b)), b[4:], nil
	case tagDouble:
		if len(b) < 8 {
			return nil, nil, errFrame
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:], nil
	}
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errFrame
	}
	b = b[n:]
	switch tag {
	case tagString:
		return string(b[:size]), b[size:], nil
	case tagBytes:
		return append([]byte{}, b[:size]...), b[size:], nil
	case tagBig, tagNegBig:
		v := new(big.Int).SetBytes(b[:size])
		if tag == tagNegBig {
			v.Neg(v)
		}
		return v, b[size:], nil
	case tagList:
		list := make([]any, size)
		var err error
		for i := range list {
			if list[i], b, err = readValue(b); err != nil {
				return nil, nil, err
			}
		}
		return list, b, nil
	}
	return nil, nil, errFrame
}
