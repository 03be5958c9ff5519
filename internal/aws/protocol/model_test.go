package protocol

import (
	"context"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// loadModel reads a model of the tests, which does not change with what Tarn serves (testdata/models, written by
// `make generate`). The adapters' Go types stay out of this package's tests, which would else link every engine.
func loadModel(t testing.TB, pkg string) func() *model.Model {
	t.Helper()
	return readModel(t, "testdata/models/"+pkg+".json.gz")
}

func readModel(t testing.TB, file string) func() *model.Model {
	t.Helper()
	z, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.ParseGzip(z)
	if err != nil {
		t.Fatal(err)
	}
	return func() *model.Model { return m }
}

// structOf makes the Go type that awsgen would write for a shape. A shape that contains itself ends in an empty
// structure.
func structOf(s *model.Shape, out bool, within map[*model.Shape]bool) reflect.Type {
	switch s.Kind {
	case model.Structure:
		if within[s] {
			return reflect.TypeFor[struct{}]()
		}
		within[s] = true
		defer delete(within, s)
		var fields []reflect.StructField
		for _, m := range s.Members {
			if m.Support != model.Served {
				continue
			}
			t := structOf(m.Shape, out, within)
			switch m.Shape.Kind {
			case model.List, model.Map, model.Document:
			case model.Blob:
				if m.Streaming {
					t = readerType
				}
			default:
				if !m.Required || m.Shape.Kind == model.Structure {
					t = reflect.PointerTo(t)
				}
			}
			fields = append(fields, reflect.StructField{Name: model.GoName(m.Name), Type: t})
		}
		return reflect.StructOf(fields)
	case model.List:
		return reflect.SliceOf(structOf(s.Elem.Shape, out, within))
	case model.Map:
		return reflect.MapOf(reflect.TypeFor[string](), structOf(s.Val.Shape, out, within))
	case model.Integer:
		return reflect.TypeFor[int32]()
	case model.Long:
		return reflect.TypeFor[int64]()
	case model.Float, model.Double:
		return reflect.TypeFor[float64]()
	case model.Boolean:
		return reflect.TypeFor[bool]()
	case model.Timestamp:
		return reflect.TypeFor[time.Time]()
	case model.Blob:
		return reflect.TypeFor[[]byte]()
	case model.Document:
		return anyType
	}
	return reflect.TypeFor[string]()
}

// testService serves all operations of a model; serve sees the operation and its input and returns the output in the
// form of Invoke, which is decoded into the output's type.
func testService(t testing.TB, pkg string, serve func(op string, in reflect.Value, p *plan) (string, error)) *Service {
	t.Helper()
	return serviceOf(t, loadModel(t, pkg), serve)
}

func serviceOf(t testing.TB, load func() *model.Model, serve func(op string, in reflect.Value, p *plan) (string, error)) *Service {
	t.Helper()
	s := &Service{Name: load().SigningName, Model: load}
	empty := reflect.TypeFor[struct{}]()
	for name, mop := range load().Ops {
		if mop.Unserved {
			continue
		}
		op := Op{Name: name, In: empty, Out: empty}
		if mop.In != nil {
			op.In = structOf(mop.In, false, map[*model.Shape]bool{})
		}
		if mop.Out != nil {
			op.Out = structOf(mop.Out, true, map[*model.Shape]bool{})
		}
		op.Serve = func(_ context.Context, _ *Call, in any) (any, error) {
			row := s.rows[name]
			text, err := serve(name, reflect.ValueOf(in), row.in)
			if err != nil {
				return nil, err
			}
			out := reflect.New(op.Out)
			if row.out != nil && text != "" {
				if err := decodeJSON(row.out, []byte(text), out.Elem(), &report{}, true); err != nil {
					t.Fatalf("%s: output of the test: %v", name, err)
				}
			}
			return out.Interface(), nil
		}
		s.Ops = append(s.Ops, op)
	}
	return s
}
