package kvtest

import (
	"maps"
	"slices"

	"github.com/tarn-data/tarn/internal/kv"
)

// model is the obvious store: a map.
type model map[string][]byte

func (m model) apply(b *kv.Batch) error {
	for _, c := range b.Conds() {
		v, ok := m[string(c.Key)]
		switch c.Kind {
		case kv.CondAbsent:
			ok = !ok
		case kv.CondEqual:
			ok = ok && string(v) == string(c.Value)
		}
		if !ok {
			return kv.ErrConflict
		}
	}
	for _, op := range b.Ops() {
		switch op.Kind {
		case kv.OpSet:
			m[string(op.Key)] = slices.Clone(op.Value)
		case kv.OpDelete:
			delete(m, string(op.Key))
		case kv.OpDeleteRange:
			maps.DeleteFunc(m, func(k string, _ []byte) bool { return k >= string(op.Key) && k < string(op.Value) })
		}
	}
	return nil
}

func (m model) scan(r kv.Range) []string {
	keys := slices.Sorted(maps.Keys(m))
	if r.Reverse {
		slices.Reverse(keys)
	}
	var out []string
	for _, k := range keys {
		if k >= string(r.Lo) && (r.Hi == nil || k < string(r.Hi)) {
			out = append(out, k+"="+string(m[k]))
		}
	}
	return out
}
