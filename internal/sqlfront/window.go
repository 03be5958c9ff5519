package sqlfront

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// windows are the named windows of a select.
type windows map[string]*parse.Window

func (a *analyzer) windowCall(e *parse.Expr, s *scope) *ex {
	name := functionName(e)
	w := a.mergeWindow(e.Over, s)
	for _, x := range e.A {
		if n := findWindow(x); n != nil {
			a.fail("NESTED_WINDOW", n.Pos, "Cannot nest window functions or row pattern measures inside window function arguments")
		}
	}
	if e.Distinct && !isAggregate(name) {
		a.refuse(e.Pos, "DISTINCT in window function parameters not yet supported: %s", e.Text)
	}
	if e.Filter != nil {
		a.refuse(selectPos(s), "FILTER is not yet supported for window functions")
	}
	if e.Distinct {
		a.refuse(e.Pos, "DISTINCT in window function parameters not yet supported: %s", e.Text)
	}
	isWindow := isKind(name, "window")
	if !isWindow && !isAggregate(name) {
		if len(signatures()[name]) == 0 {
			a.fail("FUNCTION_NOT_FOUND", e.Pos, "Function '%s' not registered", name)
		}
		a.fail("FUNCTION_NOT_WINDOW", selectPos(s), "Not a window function: %s", name)
	}
	if e.Nulls != "" && !isWindow {
		a.fail("NULL_TREATMENT_NOT_ALLOWED", e.Pos, "Cannot specify null treatment clause for %s function", name)
	}
	over := a.overSQL(w, s)
	if !isWindow {
		if len(e.Order) > 0 {
			a.refuse(e.Pos, "Window function with ORDER BY is not supported")
		}
		sql, t := a.aggregateSQL(&parse.Expr{Kind: parse.Call, Pos: e.Pos, Name: e.Name, A: e.A, Star: e.Star, Text: e.Text, To: e.To, Order: e.Order}, s, over)
		return &ex{sql: "(" + sql + ")", t: t}
	}
	xs := a.exprs(e.A, s)
	ts := make([]types.Type, len(xs))
	for i, x := range xs {
		ts[i] = x.t
	}
	c, ambiguous := choose(name, ts, "window")
	if ambiguous {
		a.fail("AMBIGUOUS_FUNCTION_CALL", e.Pos, "Could not choose a best candidate operator. Explicit type casts must be added.")
	}
	if c == nil {
		a.noOverload(e.Pos, name, ts)
	}
	valued := name == "first_value" || name == "last_value" || name == "nth_value"
	if e.Nulls != "" && !valued && name != "lag" && name != "lead" {
		a.fail("NULL_TREATMENT_NOT_ALLOWED", e.Pos, "Cannot specify null treatment clause for %s function", name)
	}
	if w.Frame != nil && !valued {
		a.fail("INVALID_WINDOW_FRAME", w.Frame.Pos, "Cannot specify window frame for %s function", name)
	}
	parts := make([]string, len(xs))
	for i := range xs {
		parts[i] = a.coerce(xs[i], c.args[i]).sql
	}
	a.checkWindowArgs(name, e, xs)
	args := strings.Join(parts, ", ")
	if e.Nulls == "IGNORE" {
		args += " IGNORE NULLS"
	}
	return &ex{sql: castSQL(name+"("+args+")"+over, c.result), t: c.result}
}

// selectPos is where the select of a scope begins.
func selectPos(s *scope) parse.Pos {
	for sc := s; sc != nil; sc = sc.outer {
		if sc.pos != (parse.Pos{}) {
			return sc.pos
		}
	}
	return parse.Pos{Line: 1, Col: 1}
}

// checkWindowArgs refuses counts that are not positive constants where a wrong one would answer otherwise.
func (a *analyzer) checkWindowArgs(name string, e *parse.Expr, xs []*ex) {
	at, low := 1, int64(0)
	switch name {
	case "ntile":
		at, low = 0, 1
	case "nth_value":
		low = 1
	case "lag", "lead":
	default:
		return
	}
	if at >= len(xs) {
		return
	}
	n, ok := xs[at].lit.(int64)
	switch {
	case ok && n < low && name == "ntile":
		a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "Buckets must be greater than 0")
	case ok && n < low && name == "nth_value":
		a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "Offset must be at least 1")
	case ok && n < low:
		a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "Offset must be at least 0")
	case !ok && xs[at].isLit && name != "ntile":
		a.fail("INVALID_FUNCTION_ARGUMENT", parse.Pos{}, "Offset must not be null")
	case !ok:
		a.refuse(e.A[at].Pos, "%s with an offset that is not a constant is not supported", name)
	}
}

// mergeWindow resolves references to named windows.
func (a *analyzer) mergeWindow(w *parse.Window, s *scope) *parse.Window {
	if w.Ref == "" {
		return w
	}
	base := a.namedWindow(w.Ref, s)
	if base == nil {
		a.fail("INVALID_WINDOW_REFERENCE", w.Pos, "Cannot resolve WINDOW name %s", w.Ref)
	}
	if w.Bare {
		return base
	}
	switch {
	case len(w.Partition) > 0:
		a.fail("INVALID_PARTITION_BY", w.Partition[0].Pos, "WINDOW specification with named WINDOW reference cannot specify PARTITION BY")
	case len(w.Order) > 0 && len(base.Order) > 0:
		a.fail("INVALID_ORDER_BY", w.Order[0].Pos, "Cannot specify ORDER BY if referenced named WINDOW specifies ORDER BY")
	case base.Frame != nil:
		a.fail("INVALID_WINDOW_REFERENCE", w.Pos, "Cannot reference named WINDOW containing frame specification")
	}
	out := *base
	if len(w.Order) > 0 {
		out.Order, out.OrderPos = w.Order, w.OrderPos
	}
	out.Frame = w.Frame
	return &out
}

func (a *analyzer) namedWindow(name string, s *scope) *parse.Window {
	for sc := s; sc != nil; sc = sc.outer {
		if sc.windows != nil {
			return sc.windows[name]
		}
	}
	return nil
}

func (a *analyzer) overSQL(w *parse.Window, s *scope) string {
	var parts []string
	if len(w.Partition) > 0 {
		keys := make([]string, len(w.Partition))
		for i, p := range w.Partition {
			x := a.expr(p, s)
			if !x.t.Comparable() {
				a.fail("TYPE_MISMATCH", p.Pos, "%s is not comparable, and therefore cannot be used in window function PARTITION BY", x.t)
			}
			keys[i] = a.groupSQL(x, p)
		}
		parts = append(parts, "PARTITION BY "+strings.Join(keys, ", "))
	}
	var order []*ex
	if len(w.Order) > 0 {
		keys := make([]string, len(w.Order))
		for i, o := range w.Order {
			x := a.expr(o.Expr, s)
			order = append(order, x)
			if !x.t.Orderable() {
				a.fail("TYPE_MISMATCH", o.Expr.Pos, "%s is not orderable, and therefore cannot be used in window function ORDER BY", x.t)
			}
			keys[i] = a.sortKey(x, o)
		}
		parts = append(parts, "ORDER BY "+strings.Join(keys, ", "))
	}
	if w.Frame != nil {
		parts = append(parts, a.frameSQL(w, order, s))
	}
	return " OVER (" + strings.Join(parts, " ") + ")"
}

var boundRank = map[string]int{"UNBOUNDED PRECEDING": 0, "PRECEDING": 1, "CURRENT ROW": 2, "FOLLOWING": 3, "UNBOUNDED FOLLOWING": 4}

func (a *analyzer) frameSQL(w *parse.Window, order []*ex, s *scope) string {
	f := w.Frame
	end := f.End
	if end.Kind == "" {
		end = parse.Bound{Kind: "CURRENT ROW", Pos: f.Pos}
	}
	bad := func(format string, args ...any) { a.fail("INVALID_WINDOW_FRAME", f.Pos, format, args...) }
	switch {
	case f.Start.Kind == "UNBOUNDED FOLLOWING":
		bad("Window frame start cannot be UNBOUNDED FOLLOWING")
	case end.Kind == "UNBOUNDED PRECEDING":
		bad("Window frame end cannot be UNBOUNDED PRECEDING")
	case f.Start.Kind == "CURRENT ROW" && end.Kind == "PRECEDING":
		bad("Window frame starting from CURRENT ROW cannot end with PRECEDING")
	case f.Start.Kind == "FOLLOWING" && boundRank[end.Kind] < 3:
		bad("Window frame starting from FOLLOWING cannot end with %s", end.Kind)
	}
	offsets := f.Start.Expr != nil || end.Expr != nil
	mode := f.Mode
	if mode == "GROUPS" && len(order) == 0 && !offsets {
		mode = "RANGE" // all rows are peers
	}
	if mode == "GROUPS" && len(order) == 0 {
		a.fail("MISSING_ORDER_BY", f.Pos, "Window frame of type GROUPS PRECEDING or FOLLOWING requires ORDER BY")
	}
	if f.Mode == "RANGE" && offsets {
		if len(order) == 0 {
			a.fail("MISSING_ORDER_BY", f.Pos, "Window frame of type RANGE PRECEDING or FOLLOWING requires ORDER BY")
		}
		if len(order) > 1 {
			a.fail("INVALID_ORDER_BY", w.OrderPos, "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY (actual: %d)", len(order))
		}
	}
	return mode + " BETWEEN " + a.boundSQL(w, f.Start, "start", order, s) + " AND " + a.boundSQL(w, end, "end", order, s)
}

func (a *analyzer) boundSQL(w *parse.Window, b parse.Bound, which string, order []*ex, s *scope) string {
	if b.Expr == nil {
		return b.Kind
	}
	f, x := w.Frame, a.expr(b.Expr, s)
	if f.Mode != "RANGE" {
		if !x.t.Integral() && !(x.t.Base == types.Decimal && x.t.S == 0) {
			a.fail("TYPE_MISMATCH", b.Expr.Pos, "Window frame %s %s value type must be exact numeric type with scale 0 (actual %s)", f.Mode, which, x.t)
		}
		if n, ok := x.lit.(int64); ok && n < 0 || x.isLit && x.lit == nil {
			a.fail("INVALID_WINDOW_FRAME", parse.Pos{}, "Window frame offset value must not be negative or null")
		}
		if !x.isLit {
			a.refuse(b.Expr.Pos, "a window frame's offset that is not a constant is not supported")
		}
		return x.sql + " " + b.Kind
	}
	key := order[0].t
	compatible := x.t.Numeric() && key.Numeric() || x.t.Is(types.IntervalDay, types.IntervalYear) && key.Is(types.Date, types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ)
	if !key.Numeric() && !key.Is(types.Date, types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ) {
		a.fail("TYPE_MISMATCH", w.Order[0].Expr.Pos, "Window frame of type RANGE PRECEDING or FOLLOWING requires that sort item type be numeric, datetime or interval (actual: %s)", key)
	}
	if !compatible {
		a.fail("TYPE_MISMATCH", b.Expr.Pos, "Window frame RANGE value type (%s) not compatible with sort item type (%s)", x.t, key)
	}
	if !x.isLit {
		a.refuse(b.Expr.Pos, "a window frame's offset that is not a constant is not supported")
	}
	if x.lit == nil || strings.HasPrefix(litText(x), "-") {
		a.fail("INVALID_WINDOW_FRAME", parse.Pos{}, "Window frame offset value must not be negative or null")
	}
	switch {
	case key.Integral() && x.t.Integral():
		return castSQL(x.sql, types.Of(types.BigInt)) + " " + b.Kind
	case x.t.Base == types.IntervalDay && key.Is(types.Timestamp, types.Date):
		return "to_milliseconds(" + strconv.FormatInt(x.lit.(int64), 10) + ") " + b.Kind
	case x.t.Base == types.IntervalYear && key.Is(types.Timestamp, types.Date):
		return "to_months(" + strconv.FormatInt(x.lit.(int64), 10) + ") " + b.Kind
	case key.Base == types.Double && x.t.Numeric():
		return a.coerce(x, key).sql + " " + b.Kind
	}
	a.refuse(b.Expr.Pos, "a RANGE frame over %s with an offset of type %s is not supported", key, x.t)
	return ""
}

func litText(x *ex) string {
	switch v := x.lit.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	if b, ok := x.lit.(interface{ String() string }); ok {
		return b.String()
	}
	return ""
}
