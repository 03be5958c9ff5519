package jsonata

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"math"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// statesFunctions are $random and what Step Functions adds to JSONata.
func statesFunctions() []builtin {
	return []builtin{
		{name: "partition", sig: sig("<an:a>"), arity: 2, dialect: statesOnly, fn: partition},
		{name: "range", sig: sig("<nnn:a>"), arity: 3, dialect: statesOnly, fn: rangeFn},
		{name: "parse", sig: sig("<s:x>"), arity: 1, dialect: statesOnly, fn: parseJSON},
		{name: "hash", sig: sig("<xs:s>"), arity: 2, dialect: statesOnly, fn: hashFn},
		{name: "uuid", sig: sig("<:s>"), dialect: statesOnly, fn: func(*call, []any) (any, error) { return ident.UUID(), nil }},
		// Step Functions' $random takes a seed
		{name: "random", sig: sig("<n?:n>"), arity: 1, fn: randomNumber},
	}
}

// partition cuts a list into lists of n items.
func partition(c *call, args []any) (any, error) {
	a, err := list(args, 0)
	if err != nil || a == nil {
		return undef, err
	}
	n, _, err := num(args, 1)
	if err != nil {
		return nil, err
	}
	if !(n > 0) {
		return nil, fail("D3137").with("message", "The second argument of $partition must be a positive integer")
	}
	if err := c.ev.grown(3 * a.len() * itemSize); err != nil {
		return nil, err
	}
	out, items := &array{}, a.list()
	for i := 0.0; i < float64(len(items)); i += n {
		from, to := int(i), int(math.Min(math.Trunc(i+n), float64(len(items))))
		out.items = append(out.items, &array{items: items[from:to:to]})
		if len(out.items) > 2*len(items)+16 {
			if err := c.ev.grown(len(out.items) * itemSize); err != nil {
				return nil, err
			}
			if err := c.ev.step(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// maxRange is how many items $range may return.
const maxRange = 1000

func rangeFn(_ *call, args []any) (any, error) {
	var x [3]float64
	for i := range x {
		v, ok, err := num(args, i)
		if err != nil {
			return nil, err
		}
		if !ok {
			v = math.NaN()
		}
		x[i] = v
	}
	from, to, by := x[0], x[1], x[2]
	if by == 0 {
		return nil, fail("D3137").with("message", "The step of $range must not be 0")
	}
	n := math.Floor((to-from)/by) + 1
	if n > maxRange {
		return nil, fail("D3137").with("message", "$range may return at most 1000 items")
	}
	out := sequence()
	for i := 0.0; i < n; i++ {
		out.items = append(out.items, from+i*by)
	}
	return out, nil
}

func parseJSON(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	v, err := jsonvalue.Parse(s)
	if err != nil {
		return nil, fail("D3137").with("message", "Argument of $parse is not valid JSON")
	}
	return norm(v), c.ev.grown(4 * len(s))
}

func hashFn(c *call, args []any) (any, error) {
	v := argument(args, 0)
	s, ok := v.(string)
	if !ok {
		w := stringifier{ev: c.ev, plain: true}
		if isUndef(v) {
			w.out = nil
		} else if err := w.value(v, 0); err != nil {
			return nil, err
		}
		s = string(w.out)
	}
	name, _, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	var h hash.Hash
	switch strings.ToUpper(name) {
	case "MD5":
		h = md5.New()
	case "SHA-1":
		h = sha1.New()
	case "SHA-256":
		h = sha256.New()
	case "SHA-384":
		h = sha512.New384()
	case "SHA-512":
		h = sha512.New()
	default:
		return nil, scriptError("hash algorithm %q is not one of MD5, SHA-1, SHA-256, SHA-384, SHA-512", name)
	}
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil)), nil
}
