package sqlfront

import (
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func anyText(s string) *ex { return constant(s, types.VarcharOf(types.Unbounded)) }

// jsonCall generates the functions of SQL/JSON.
func (a *analyzer) jsonCall(e *parse.Expr, s *scope) *ex {
	if e.Name == "json_object" || e.Name == "json_array" {
		return a.jsonMake(e, s)
	}
	c := e.JSON
	if len(c.Format) > 1 && slices.Contains(c.Format[1:], true) {
		a.refuse(e.Pos, "FORMAT JSON of a parameter of %s is not supported", e.Name)
	}
	input := a.expr(e.A[0], s)
	if !input.t.Is(types.Varchar, types.Unknown) {
		a.refuse(e.A[0].Pos, "%s of a value of type %s is not supported", e.Name, input.t)
	}
	path, bad := scalar.ParseJSONPath(c.Path)
	if bad != nil {
		at := c.PathPos
		if bad.Offset >= 0 {
			at.Col += bad.Offset + 1
		}
		a.fail(bad.Name, at, "%s", bad.Message)
	}
	passed := []*ex{}
	for i, p := range c.Passing {
		x := a.expr(p, s)
		if x.t.Is(types.TinyInt, types.SmallInt) {
			x = a.coerce(x, types.Type{Base: types.Integer})
		}
		passed = append(passed, anyText(c.PassingNames[i]), x)
	}
	for _, name := range path.Variables {
		if slices.Contains(c.PassingNames, name) {
			continue
		}
		hint := ""
		if slices.ContainsFunc(c.PassingNames, func(n string) bool { return strings.EqualFold(n, name) }) {
			hint = `. Try quoting "` + name + `" in the PASSING clause to match case`
		}
		a.fail("INVALID_PATH", c.PathPos, "no value passed for parameter %s%s", name, hint)
	}
	result := a.jsonReturning(e)
	if e.Name == "json_exists" {
		result = types.Type{Base: types.Boolean}
	}
	if e.Name != "json_value" && c.Quotes == "OMIT" && c.Wrapper != "" && c.Wrapper != "WITHOUT" {
		a.refuse(e.Pos, "OMIT QUOTES with a wrapper is not supported")
	}
	onError := c.OnError
	if onError == "" && e.Name == "json_exists" {
		onError = "FALSE"
	}
	args := []*ex{
		a.coerce(input, types.VarcharOf(types.Unbounded)), anyText(c.Path),
		anyText(strings.Join([]string{e.Name, c.Wrapper, c.Quotes, c.OnEmpty, onError}, ",")),
		a.jsonDefault(c.EmptyDefault, result, s), a.jsonDefault(c.ErrorDefault, result, s),
	}
	return a.jsonResult(e, "$json_find", result, append(args, passed...))
}

// jsonReturning is the type of RETURNING; varchar without it.
func (a *analyzer) jsonReturning(e *parse.Expr) types.Type {
	if e.JSON.Returning == nil {
		return types.VarcharOf(types.Unbounded)
	}
	t, bad := resolveType(e.JSON.Returning)
	if bad != nil {
		a.fail(bad.name, e.Pos, "%s", bad.message)
	}
	ok := t.Is(types.Varchar, types.Varbinary)
	if e.Name == "json_value" {
		ok = t.Base == types.Varchar && t.P == types.Unbounded || t.Numeric() || t.Base == types.Boolean
	}
	if !ok {
		a.refuse(e.Pos, "%s RETURNING %s is not supported", e.Name, t)
	}
	return t
}

// jsonResult calls a function; text for a bounded varchar is cut.
func (a *analyzer) jsonResult(e *parse.Expr, impl string, t types.Type, args []*ex) *ex {
	if t.Base != types.Varchar {
		return a.mustCall(e.Pos, e.Name, impl, t, args...)
	}
	x := a.mustCall(e.Pos, e.Name, impl, types.VarcharOf(types.Unbounded), args...)
	if t.P != types.Unbounded {
		x = a.mustCall(e.Pos, e.Name, "$cast", t, x)
	}
	return x
}

func (a *analyzer) jsonDefault(e *parse.Expr, t types.Type, s *scope) *ex {
	if e == nil {
		return null(t)
	}
	x := a.expr(e, s)
	if !types.Coercible(x.t, t) {
		a.refuse(e.Pos, "DEFAULT of type %s for %s is not supported", x.t, t)
	}
	return a.coerce(x, t)
}

// jsonMake generates JSON_OBJECT and JSON_ARRAY.
func (a *analyzer) jsonMake(e *parse.Expr, s *scope) *ex {
	c := e.JSON
	if c.Unique {
		a.refuse(e.Pos, "WITH UNIQUE KEYS is not supported")
	}
	upper := strings.ToUpper(e.Name)
	nulls := c.NullOn
	if nulls == "" {
		nulls = map[string]string{"json_object": "NULL", "json_array": "ABSENT"}[e.Name]
	}
	formats, args := "", []*ex{}
	value := 0
	for i := 0; i < len(e.A); i++ {
		if e.Name == "json_object" {
			key := a.expr(e.A[i], s)
			if !key.t.Text() {
				a.fail("INVALID_FUNCTION_ARGUMENT", e.A[i].Pos, "Invalid type of JSON object key: %s", key.t)
			}
			args = append(args, a.coerce(key, types.VarcharOf(types.Unbounded)))
			i++
		}
		v := e.A[i]
		x := a.expr(v, s)
		nested := v.Kind == parse.JSONCall && v.Name != "json_value" && v.Name != "json_exists"
		format := "V"
		switch {
		case c.Format[value] || nested:
			if !x.t.Is(types.Varchar, types.Unknown) {
				a.refuse(v.Pos, "FORMAT JSON of a value of type %s is not supported", x.t)
			}
			format = "J"
		case x.t.Is(types.Unknown, types.Boolean, types.Varchar) || x.t.Numeric():
		default:
			to := types.VarcharOf(types.Unbounded)
			if _, ok := scalar.Cast(x.t, to); !ok {
				a.refuse(e.Pos, "Unsupported type of value passed to %s function: %s", upper, x.t)
			}
			x = a.mustCall(v.Pos, upper, "$cast", to, x)
		}
		formats += format
		value++
		args = append(args, x)
	}
	options := anyText(e.Name + "," + nulls + "," + formats)
	return a.jsonResult(e, "$json_make", a.jsonReturning(e), append([]*ex{options}, args...))
}
