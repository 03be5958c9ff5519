package jsonata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dop251/goja"

	"github.com/tarn-data/tarn/internal/jsonata"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// benchmarkDocument is $states with an input of 5 KB: an order and 100 items.
func benchmarkDocument(b testing.TB) any {
	var s strings.Builder
	s.WriteString(`{"input":{"order":{"id":"A-1001","total":412.5,"status":"open"},"items":[`)
	for i := range 100 {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, `{"sku":"S%03d","qty":%d,"price":%d.5}`, i, i%10+1, i%7+3)
	}
	s.WriteString(`]}}`)
	v, err := jsonvalue.Parse(s.String())
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func get(v any, names ...string) any {
	for _, n := range names {
		v, _ = v.(*jsonvalue.Object).Get(n)
	}
	return v
}

func float(v any) float64 { return v.(jsonvalue.Number).Float() }

// benchmarks are the expressions of which the costs are compared, each with what one would write in Go for it.
var benchmarks = []struct {
	name, src string
	byHand    func(states any) any
}{
	{"walk", `$states.input.order.id`, func(s any) any { return get(s, "input", "order", "id") }},
	{"condition", `$states.input.order.total > 100 and $states.input.order.status = "open"`, func(s any) any {
		return float(get(s, "input", "order", "total")) > 100 && get(s, "input", "order", "status") == "open"
	}},
	{"sum", `{"id": $states.input.order.id, "total": $sum($states.input.items.(price * qty)), "n": $count($states.input.items)}`, func(s any) any {
		items, sum := get(s, "input", "items").([]any), 0.0
		for _, x := range items {
			sum += float(get(x, "price")) * float(get(x, "qty"))
		}
		return jsonvalue.NewObject("id", get(s, "input", "order", "id"), "total", jsonvalue.Float(sum), "n", jsonvalue.Int(int64(len(items))))
	}},
	{"filter", `$states.input.items[qty > 5].{"sku": sku, "amount": price * qty}`, func(s any) any {
		var out []any
		for _, x := range get(s, "input", "items").([]any) {
			if q := float(get(x, "qty")); q > 5 {
				out = append(out, jsonvalue.NewObject("sku", get(x, "sku"), "amount", jsonvalue.Float(q*float(get(x, "price")))))
			}
		}
		return out
	}},
	{"reduce", `$reduce($states.input.items, function($a, $i){ $a + $i.price * $i.qty }, 0)`, func(s any) any {
		sum := 0.0
		for _, x := range get(s, "input", "items").([]any) {
			sum += float(get(x, "price")) * float(get(x, "qty"))
		}
		return jsonvalue.Float(sum)
	}},
}

func TestBenchmarksAgree(t *testing.T) {
	doc := benchmarkDocument(t)
	for _, x := range benchmarks {
		e, err := jsonata.Compile(x.src)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Eval(t.Context(), func(string) (any, bool) { return doc, true }, jsonata.Limits{})
		if want := x.byHand(doc); err != nil || jsonvalue.Marshal(got) != jsonvalue.Marshal(want) {
			t.Errorf("%s: %s, %v; by hand %s", x.src, jsonvalue.Marshal(got), err, jsonvalue.Marshal(want))
		}
	}
}

func BenchmarkNative(b *testing.B) {
	doc := benchmarkDocument(b)
	env := func(string) (any, bool) { return doc, true }
	for _, x := range benchmarks {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			e, err := jsonata.Compile(x.src)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := e.Eval(b.Context(), env, jsonata.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkByHand(b *testing.B) {
	doc := benchmarkDocument(b)
	for _, x := range benchmarks {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.byHand(doc)
			}
		})
	}
}

func BenchmarkLibrary(b *testing.B) {
	text := jsonvalue.Marshal(benchmarkDocument(b))
	o := newOracle(b)
	for _, x := range benchmarks {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				names, values := o.vm.NewArray("states"), o.vm.NewArray(text)
				if _, err := o.run(goja.Undefined(), o.vm.ToValue(x.src), o.vm.ToValue(false), o.vm.ToValue(""), names, values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := jsonata.Compile(benchmarks[2].src); err != nil {
			b.Fatal(err)
		}
	}
}
