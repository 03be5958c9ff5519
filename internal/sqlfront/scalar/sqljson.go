package scalar

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// The functions of SQL/JSON. $json_find: input, path, options, default on empty, default on error, then names and
// values of PASSING. Options: function, wrapper, quotes, on empty, on error, separated by commas.
var sqlJSONTable = map[string]entry{
	"$json_find": withNulls(typed(jsonFind)),
	"$json_make": withNulls(typed(jsonMake)),
}

type jsonFinder struct {
	kind, wrapper, quotes, onEmpty, onError string
	result                                  types.Type
}

func jsonFind(s Signature) (Func, error) {
	for i := 6; i < len(s.Args); i += 2 { // values that an item of a path holds as they are
		if !s.Args[i].Is(types.Unknown, types.Boolean, types.Varchar, types.Integer, types.BigInt, types.Double) {
			return nil, fail("NOT_SUPPORTED", "PASSING a value of type %s", s.Args[i])
		}
	}
	var text string
	var path *JSONPath
	return func(a []any) (any, error) {
		if path == nil || text != str(a[1]) {
			p, e := ParseJSONPath(str(a[1]))
			if e != nil {
				return nil, fail(e.Name, "%s", e.Message)
			}
			text, path = str(a[1]), p
		}
		if a[0] == nil {
			return nil, nil
		}
		o := strings.Split(str(a[2]), ",")
		f := jsonFinder{o[0], o[1], o[2], o[3], o[4], s.Result}
		vars := map[string]any{}
		for i := 6; i < len(a); i += 2 {
			vars[str(a[i-1])] = a[i]
		}
		var doc any // no text at all is a missing document, which prints as null
		if strings.TrimSpace(str(a[0])) != "" {
			var ok bool
			if doc, ok = parseJSON(str(a[0]), true); !ok {
				return f.failed(fail("JSON_INPUT_CONVERSION_ERROR", "conversion to JSON failed: "), a[4])
			}
		}
		items, failure, refusal := path.run(doc, vars)
		if refusal != nil {
			return nil, refusal
		}
		if failure != nil {
			return f.failed(failure, a[4])
		}
		switch f.kind {
		case "json_exists":
			return len(items) > 0, nil
		case "json_value":
			return f.value(items, a)
		}
		return f.query(items, a)
	}, nil
}

func (f *jsonFinder) behave(how string, failure error, byDefault any) (any, error) {
	switch how {
	case "ERROR":
		return nil, failure
	case "TRUE", "FALSE":
		return how == "TRUE", nil
	case "DEFAULT":
		return byDefault, nil
	case "EMPTY ARRAY":
		return f.output("[]"), nil
	case "EMPTY OBJECT":
		return f.output("{}"), nil
	}
	return nil, nil
}

func (f *jsonFinder) failed(failure error, byDefault any) (any, error) {
	return f.behave(f.onError, failure, byDefault)
}

func (f *jsonFinder) output(s string) any {
	if f.result.Base == types.Varbinary {
		return []byte(s)
	}
	return s
}

// value is JSON_VALUE's: the one scalar found.
func (f *jsonFinder) value(items []any, a []any) (any, error) {
	cannot := func(why string) (any, error) {
		return f.failed(fail("JSON_VALUE_RESULT_ERROR", "cannot extract SQL scalar from JSON: %s", why), a[4])
	}
	if len(items) == 0 {
		return f.behave(f.onEmpty, fail("JSON_VALUE_RESULT_ERROR", "cannot extract SQL scalar from JSON: JSON path found no items"), a[3])
	}
	if len(items) > 1 {
		return cannot("JSON path found multiple items")
	}
	v, from := items[0], types.Type{}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case string:
		from = types.VarcharOf(types.Unbounded)
	case bool:
		from = types.Type{Base: types.Boolean}
	default:
		i, d, kind := pathNumberOf(x)
		switch kind {
		case 0:
			return cannot("JSON path found an item that cannot be converted to an SQL value")
		case 'i':
			v, from = i, types.Type{Base: types.BigInt}
			if i == int64(int32(i)) {
				from.Base = types.Integer
			}
		case 'd':
			v, from = d, types.Type{Base: types.Double}
		default:
			return nil, fail("NOT_SUPPORTED", "JSON_VALUE of this number is not supported")
		}
	}
	c, ok := Cast(from, f.result)
	if !ok {
		return cannot("JSON path found an item that cannot be converted to an SQL value")
	}
	out, err := c(v)
	if err != nil {
		return cannot("JSON path found an item that cannot be converted to an SQL value")
	}
	return out, nil
}

// query is JSON_QUERY's: the items found as JSON text.
func (f *jsonFinder) query(items []any, a []any) (any, error) {
	if len(items) == 0 {
		return f.behave(f.onEmpty, fail("JSON_OUTPUT_CONVERSION_ERROR", "conversion from JSON failed: JSON path found no items"), nil)
	}
	wrap := f.wrapper == "UNCONDITIONAL" || f.wrapper == "CONDITIONAL" && (len(items) > 1 || !isTree(items[0]))
	if !wrap && len(items) > 1 {
		return f.failed(fail("JSON_OUTPUT_CONVERSION_ERROR", "conversion from JSON failed: JSON path found multiple items"), nil)
	}
	x := items[0]
	if wrap {
		x = items
	}
	if s, ok := x.(string); ok && f.quotes == "OMIT" {
		return f.output(s), nil
	}
	return f.output(escapeAstral(printJSON(settle(x), false))), nil
}

// settle makes items of a path nodes of JSON text.
func settle(x any) any {
	switch x := x.(type) {
	case int64:
		return jsonNumber(strconv.FormatInt(x, 10))
	case float64:
		s := JavaDouble(x)
		if strings.ContainsAny(s, "IN") {
			return s
		}
		return jsonNumber(s)
	case pathDecimal:
		return rawJSON(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = settle(x[i])
		}
		return out
	case *jsonObject:
		keys, values := x.distinct()
		for i := range values {
			values[i] = settle(values[i])
		}
		return &jsonObject{keys: keys, values: values}
	}
	return x
}

// rawJSON is text that is printed as it is.
type rawJSON string

// jsonMake: options (object or array, NULL or ABSENT, a letter per value: J for FORMAT JSON), then keys and values.
func jsonMake(s Signature) (Func, error) {
	return func(a []any) (any, error) {
		o := strings.Split(str(a[0]), ",")
		out, keys, n := []any{}, []string{}, 0
		for i := 1; i < len(a); i++ {
			key := ""
			if o[0] == "json_object" {
				if a[i] == nil {
					return nil, fail("NOT_SUPPORTED", "a JSON object's key that is NULL is not supported")
				}
				key = str(a[i])
				i++
			}
			format := o[2][n]
			n++
			if a[i] == nil && o[1] == "ABSENT" {
				continue
			}
			x, err := jsonMember(a[i], s.Args[i], format)
			if err != nil {
				return nil, err
			}
			keys, out = append(keys, key), append(out, x)
		}
		var tree any = out
		if o[0] == "json_object" {
			k, v := (&jsonObject{keys: keys, values: out}).distinct()
			tree = &jsonObject{keys: k, values: v}
		}
		text := escapeAstral(printJSON(tree, false))
		if s.Result.Base == types.Varbinary {
			return []byte(text), nil
		}
		return text, nil
	}, nil
}

func jsonMember(v any, t types.Type, format byte) (any, error) {
	if v == nil {
		return nil, nil
	}
	if format == 'J' {
		x, ok := parseJSON(str(v), true)
		if !ok {
			return nil, fail("JSON_INPUT_CONVERSION_ERROR", "conversion to JSON failed: ")
		}
		return settle(x), nil
	}
	w, ok := jsonValueWriter(t)
	if !ok {
		return nil, fail("NOT_SUPPORTED", "a value of type %s in JSON is not supported", t)
	}
	var b strings.Builder
	w(&b, v)
	return rawJSON(b.String()), nil
}
