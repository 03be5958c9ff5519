package asl

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// invocation is a call with its arguments evaluated.
type invocation struct {
	call  *call
	scope *Scope
	args  []any
}

type intrinsic struct {
	min, max int // of the arguments; max -1 = any number
	fn       func(*invocation) (any, error)
}

// intrinsics by name without "States.".
var intrinsics = map[string]intrinsic{
	"Format":         {1, -1, format},
	"StringToJson":   {1, 1, stringToJSON},
	"JsonToString":   {1, 1, func(c *invocation) (any, error) { return text(c.args[0]), nil }},
	"Array":          {0, -1, array},
	"ArrayPartition": {2, 2, arrayPartition},
	"ArrayContains":  {2, 2, arrayContains},
	"ArrayRange":     {3, 3, arrayRange},
	"ArrayGetItem":   {2, 2, arrayGetItem},
	"ArrayLength":    {1, 1, arrayLength},
	"ArrayUnique":    {1, 1, arrayUnique},
	"Base64Encode":   {1, 1, base64Encode},
	"Base64Decode":   {1, 1, base64Decode},
	"Hash":           {2, 2, hashOf},
	"JsonMerge":      {3, 3, jsonMerge},
	"MathRandom":     {2, 3, mathRandom},
	"MathAdd":        {2, 2, mathAdd},
	"StringSplit":    {2, 2, stringSplit},
	"UUID":           {0, 0, uuid},
}

const (
	maxText   = 10000    // characters that Base64Encode, Base64Decode and Hash take
	maxRange  = 1000     // items that ArrayRange makes
	maxFormat = maxValue // bytes that Format makes
)

func (c *invocation) list(i int) ([]any, error) {
	l, ok := c.args[i].([]any)
	if !ok {
		return nil, fmt.Errorf("argument %d must be an array but was: %s", i+1, text(c.args[i]))
	}
	return l, nil
}

func (c *invocation) str(i int) (string, error) {
	s, ok := c.args[i].(string)
	if !ok {
		return "", fmt.Errorf("argument %d must be a string but was: %s", i+1, text(c.args[i]))
	}
	return s, nil
}

// integer rounds half up, as AWS does.
func (c *invocation) integer(i int) (int64, error) {
	n, ok := c.args[i].(jsonvalue.Number)
	if !ok {
		return 0, fmt.Errorf("argument %d must be a number but was: %s", i+1, text(c.args[i]))
	}
	if v, ok := n.Int(); ok {
		return v, nil
	}
	f := math.Floor(n.Float() + 0.5)
	if math.IsNaN(f) || math.Abs(f) > 1<<62 {
		return 0, fmt.Errorf("argument %d is out of range: %s", i+1, n)
	}
	return int64(f), nil
}

func format(c *invocation) (any, error) {
	template, err := c.str(0)
	if err != nil {
		return nil, err
	}
	if raw := c.call.args[0].raw; raw != "" {
		template = raw // escapes are undone here, so that \{ is no placeholder
	} else {
		template = strings.ReplaceAll(template, `\`, `\\`)
	}
	var b strings.Builder
	next := 1
	for i := 0; i < len(template); i++ {
		switch ch := template[i]; {
		case ch == '\\' && i+1 < len(template):
			i++
			b.WriteByte(template[i])
		case ch == '{' && i+1 < len(template) && template[i+1] == '}':
			if next >= len(c.args) {
				return nil, errors.New("number of arguments do not match the occurrences of {}")
			}
			b.WriteString(javaString(c.args[next], true))
			if b.Len() > maxFormat {
				return nil, fmt.Errorf("the text has more than %d bytes", maxFormat)
			}
			next++
			i++
		default:
			b.WriteByte(ch)
		}
	}
	if next != len(c.args) {
		return nil, errors.New("number of arguments do not match the occurrences of {}")
	}
	return b.String(), nil
}

// javaString is what Java's toString makes of a value: {Name=x, List=[1, 2]}.
func javaString(v any, top bool) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = javaString(x, false)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *jsonvalue.Object:
		parts := make([]string, 0, v.Len())
		for k, x := range v.All() {
			parts = append(parts, k+"="+javaString(x, false))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return text(v)
}

func stringToJSON(c *invocation) (any, error) {
	s, err := c.str(0)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	v, err := jsonvalue.Parse(s)
	if n, ok := v.(jsonvalue.Number); ok && n == "-0" {
		return jsonvalue.Number("0"), err
	}
	return v, err
}

func array(c *invocation) (any, error) {
	list := append([]any{}, c.args...)
	if jsonvalue.Larger(list, maxValue) {
		return nil, fmt.Errorf("the array has more than %d bytes", maxValue)
	}
	return list, nil
}

func arrayPartition(c *invocation) (any, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	size, err := c.integer(1)
	if err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, errors.New("chunk size must be a positive integer")
	}
	out := []any{}
	for len(list) > 0 {
		n := min(int64(len(list)), size)
		out = append(out, append([]any(nil), list[:n]...))
		list = list[n:]
	}
	return out, nil
}

func arrayContains(c *invocation) (any, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		if jsonvalue.Equal(x, c.args[1]) {
			return true, nil
		}
	}
	return false, nil
}

func arrayRange(c *invocation) (any, error) {
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = c.integer(i); err != nil {
			return nil, err
		}
	}
	first, last, step := n[0], n[1], n[2]
	if step == 0 {
		return nil, errors.New("the increment cannot be 0")
	}
	out := []any{}
	if step > 0 && first > last || step < 0 && first < last {
		return out, nil
	}
	span, by := uint64(last)-uint64(first), uint64(step) // as unsigned numbers they do not overflow
	if step < 0 {
		span, by = uint64(first)-uint64(last), -uint64(step)
	}
	if span/by >= maxRange {
		return nil, fmt.Errorf("the range can hold at most %d items", maxRange)
	}
	for i := range span/by + 1 {
		out = append(out, jsonvalue.Int(first+int64(i)*step))
	}
	return out, nil
}

func arrayGetItem(c *invocation) (any, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	i, err := c.integer(1)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= int64(len(list)) {
		return nil, fmt.Errorf("index %d is out of bounds for an array of length %d", i, len(list))
	}
	return list[i], nil
}

func arrayLength(c *invocation) (any, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	return jsonvalue.Int(int64(len(list))), nil
}

func arrayUnique(c *invocation) (any, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	out := []any{}
	seen := map[string]bool{} // spares the comparison of scalars with all others
next:
	for _, x := range list {
		switch x.(type) {
		case []any, *jsonvalue.Object, jsonvalue.Number:
			for _, y := range out {
				if jsonvalue.Equal(x, y) {
					continue next
				}
			}
		default:
			if k := text(x); seen[k] {
				continue
			} else {
				seen[k] = true
			}
		}
		out = append(out, x)
	}
	return out, nil
}

func base64Encode(c *invocation) (any, error) {
	s, err := c.str(0)
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(s); n > maxText {
		return nil, fmt.Errorf("the text has %d characters, more than the %d allowed", n, maxText)
	}
	return base64.StdEncoding.EncodeToString([]byte(s)), nil
}

func base64Decode(c *invocation) (any, error) {
	s, err := c.str(0)
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(s); n > maxText {
		return nil, fmt.Errorf("the text has %d characters, more than the %d allowed", n, maxText)
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		if b, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "=")); err != nil {
			return nil, errors.New("the text is no valid Base64")
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

func hashOf(c *invocation) (any, error) {
	data, ok := c.args[0].(string)
	if !ok {
		data = text(c.args[0])
	}
	alg, err := c.str(1)
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(data); n > maxText {
		return nil, fmt.Errorf("the data has %d characters, more than the %d allowed", n, maxText)
	}
	b := []byte(data)
	switch alg {
	case "MD5":
		h := md5.Sum(b)
		return hex.EncodeToString(h[:]), nil
	case "SHA-1":
		h := sha1.Sum(b)
		return hex.EncodeToString(h[:]), nil
	case "SHA-256":
		h := sha256.Sum256(b)
		return hex.EncodeToString(h[:]), nil
	case "SHA-384":
		h := sha512.Sum384(b)
		return hex.EncodeToString(h[:]), nil
	case "SHA-512":
		h := sha512.Sum512(b)
		return hex.EncodeToString(h[:]), nil
	}
	return nil, fmt.Errorf("the algorithm %q is not one of MD5, SHA-1, SHA-256, SHA-384, SHA-512", alg)
}

func jsonMerge(c *invocation) (any, error) {
	a, ok := c.args[0].(*jsonvalue.Object)
	b, ok2 := c.args[1].(*jsonvalue.Object)
	if !ok || !ok2 {
		return nil, errors.New("both arguments to merge must be JSON objects")
	}
	if deep, ok := c.args[2].(bool); !ok || deep {
		return nil, errors.New("only shallow merging is supported: the third argument must be false")
	}
	out := a.Clone()
	for k, v := range b.All() {
		out.Set(k, v)
	}
	return out, nil
}

func mathRandom(c *invocation) (any, error) {
	lo, err := c.integer(0)
	if err != nil {
		return nil, err
	}
	hi, err := c.integer(1)
	if err != nil {
		return nil, err
	}
	if lo >= hi {
		return nil, errors.New("the start must be less than the end")
	}
	span := uint64(hi) - uint64(lo)
	if len(c.args) == 3 {
		seed, err := c.integer(2)
		if err != nil {
			return nil, err
		}
		return jsonvalue.Int(int64(uint64(lo) + rand.New(rand.NewPCG(uint64(seed), 1)).Uint64N(span))), nil
	}
	return jsonvalue.Int(int64(uint64(lo) + rand.Uint64N(span))), nil
}

func mathAdd(c *invocation) (any, error) {
	a, err := c.integer(0)
	if err != nil {
		return nil, err
	}
	b, err := c.integer(1)
	if err != nil {
		return nil, err
	}
	sum := a + b
	if (a < 0) == (b < 0) && (sum < 0) != (a < 0) {
		return nil, errors.New("the sum is out of range")
	}
	return jsonvalue.Int(sum), nil
}

// stringSplit splits at any of the delimiter's characters and drops empty parts.
func stringSplit(c *invocation) (any, error) {
	s, err := c.str(0)
	if err != nil {
		return nil, err
	}
	delimiters, err := c.str(1)
	if err != nil {
		return nil, err
	}
	out := []any{}
	if delimiters == "" {
		return append(out, s), nil
	}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(delimiters, r) }) {
		out = append(out, part)
	}
	return out, nil
}

func uuid(c *invocation) (any, error) {
	if c.scope.UUID != nil {
		return c.scope.UUID(), nil
	}
	return ident.UUID(), nil
}
