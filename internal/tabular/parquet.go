package tabular

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// ErrNotParquet reports bytes that are no Parquet file, or one that is damaged.
var ErrNotParquet = errors.New("not a readable Parquet file")

// Parquet is what the footer of a Parquet file says.
type Parquet struct {
	Columns []Field
	Rows    int64
}

// SniffParquet reads the footer of a file of the given size.
func SniffParquet(r io.ReaderAt, size int64) (p Parquet, err error) {
	defer func() { // the library panics on some damaged footers
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", ErrNotParquet, v)
		}
	}()
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return Parquet{}, fmt.Errorf("%w: %w", ErrNotParquet, err)
	}
	p.Rows = f.NumRows()
	s := f.Metadata().Schema
	if len(s) == 0 {
		return Parquet{}, ErrNotParquet
	}
	w := &schemaWalk{list: s}
	p.Columns, err = w.fields()
	return p, err
}

// schemaWalk reads the flattened tree of a Parquet schema. The elements follow one another depth first; a group says how
// many children come next.
type schemaWalk struct {
	list []format.SchemaElement
	i    int
}

func (w *schemaWalk) fields() ([]Field, error) {
	if w.i >= len(w.list) {
		return nil, ErrNotParquet
	}
	n := children(w.list[w.i])
	w.i++
	var out []Field
	for range n {
		if w.i >= len(w.list) {
			return nil, ErrNotParquet
		}
		name := w.list[w.i].Name
		t, err := w.field()
		if err != nil {
			return nil, err
		}
		out = append(out, Field{name, t})
	}
	return out, nil
}

func children(e format.SchemaElement) int { return int(e.NumChildren.V) }

func (w *schemaWalk) field() (Type, error) {
	e := w.list[w.i]
	repeated := isRepeated(e)
	t, err := w.single(e)
	if err == nil && repeated { // a repeated field outside a list is a list of itself
		return Type{Base: "array", Elem: &t}, nil
	}
	return t, err
}

func (w *schemaWalk) single(e format.SchemaElement) (Type, error) {
	if children(e) == 0 {
		w.i++
		return leafType(e), nil
	}
	fs, err := w.fields()
	if err != nil {
		return Type{}, err
	}
	switch {
	case isList(e) && len(fs) == 1:
		// optional group a (LIST) { repeated group list { element } }: the middle group is repeated, so it was
		// read as an array; its only field is the element.
		inner := fs[0].Type
		if inner.Base == "array" && inner.Elem.Base == "struct" && len(inner.Elem.Fields) == 1 {
			return Type{Base: "array", Elem: &inner.Elem.Fields[0].Type}, nil
		}
		return inner, nil
	case isMap(e) && len(fs) == 1 && fs[0].Type.Base == "array" && fs[0].Type.Elem.Base == "struct" && len(fs[0].Type.Elem.Fields) == 2:
		kv := fs[0].Type.Elem.Fields
		return Type{Base: "map", Key: &kv[0].Type, Elem: &kv[1].Type}, nil
	}
	return Type{Base: "struct", Fields: fs}, nil
}
