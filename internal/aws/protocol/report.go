package protocol

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// maxEcho is how much of a value a message repeats.
const maxEcho = 4096

// maxViolations bounds the message of a request that is wrong all over.
const maxViolations = 100

// report collects what is wrong with an input while it is decoded.
type report struct {
	violations  []string
	unsupported []string
	absent      []string // names of required members that were not given
	argument    *binding // the first header or parameter that is wrong
	path        []seg
	smithy      bool // the newer wording
}

// binding is a header or parameter by its name on the wire, with its text.
type binding struct{ name, text string }

type seg struct {
	name string // of a member, or a map's key
	idx  int    // in a list; -1 for a member, -2 for a key
}

func (r *report) push(name string)   { r.path = append(r.path, seg{name, -1}) }
func (r *report) pushKey(key string) { r.path = append(r.path, seg{key, -2}) }
func (r *report) pushIndex(i int)    { r.path = append(r.path, seg{"", i}) }
func (r *report) pop()               { r.path = r.path[:len(r.path)-1] }

// refuse notes that the current structure's member n is not served.
func (r *report) refuse(n string) {
	var b strings.Builder
	for _, s := range r.path {
		if s.idx >= 0 {
			fmt.Fprintf(&b, "[%d]", s.idx)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
	}
	if b.Len() > 0 {
		b.WriteByte('.')
	}
	b.WriteString(n)
	r.unsupported = append(r.unsupported, b.String())
}

// at writes the current path as AWS does: tableInput.columns.1.member.name, or /tableInput/columns/0/name.
func (r *report) at(last string) string {
	var b strings.Builder
	for i := range len(r.path) + 1 {
		s := seg{last, -1}
		if i < len(r.path) {
			s = r.path[i]
		} else if last == "" {
			break
		}
		if r.smithy {
			b.WriteByte('/')
		} else if b.Len() > 0 {
			b.WriteByte('.')
		}
		switch {
		case s.idx == -2 || s.idx < 0 && r.smithy:
			b.WriteString(s.name)
		case s.idx < 0:
			b.WriteString(model.LowerFirst(s.name))
		case r.smithy:
			b.WriteString(strconv.Itoa(s.idx))
		default:
			b.WriteString(strconv.Itoa(s.idx + 1))
			b.WriteString(".member")
		}
	}
	return b.String()
}

func (r *report) add(s string) {
	if len(r.violations) < maxViolations {
		r.violations = append(r.violations, s)
	}
}

func (r *report) violate(s *model.Shape, value, constraint string) {
	if len(value) > maxEcho {
		value = value[:maxEcho] + "…"
	}
	if value = "Value '" + value + "'"; s.Sensitive {
		value = "Value"
	}
	r.add(value + " at '" + r.at("") + "' failed to satisfy constraint: " + constraint)
}

func (r *report) missing(name string) {
	if name != "" {
		r.absent = append(r.absent, name)
	}
	if r.smithy {
		r.add("Value at '" + r.at(name) + "' failed to satisfy constraint: Member must not be null")
		return
	}
	r.add("Value null at '" + r.at(name) + "' failed to satisfy constraint: Member must not be null")
}

// message is the text of a validation error, or "".
func (r *report) message() string {
	sep := ": "
	if r.smithy {
		sep = ". "
	}
	switch n := len(r.violations); n {
	case 0:
		return ""
	case 1:
		return "1 validation error detected" + sep + r.violations[0]
	default:
		return strconv.Itoa(n) + " validation errors detected" + sep + strings.Join(r.violations, "; ")
	}
}

// scalars replaces what was found in the elements of a list or map of strings, from violation n on, by one sentence
// about the whole, as AWS writes it.
func (r *report) scalars(n int, what string, elem *model.Shape, v reflect.Value) {
	if len(r.violations) == n || elem.Kind != model.String || r.smithy || strings.HasSuffix(r.violations[n], "must not be null") {
		return
	}
	r.violations = r.violations[:n]
	r.violate(elem, echoed(v), what+" must satisfy constraint: ["+strings.Join(constraints(elem), ", ")+"]")
}

// checkMap checks the size of a map and sums up what was found in its keys and, from violation n on, in its values.
func (r *report) checkMap(p *plan, n int, badKeys bool, v reflect.Value) {
	r.scalars(n, "Map value", p.elem.shape, v)
	if key := p.shape.Key.Shape; badKeys {
		r.violate(key, echoed(v), "Map keys must satisfy constraint: ["+strings.Join(constraints(key), ", ")+"]")
	}
	r.checkList(p.shape, v)
}

// constraints lists what a string of shape s must satisfy.
func constraints(s *model.Shape) []string {
	var list []string
	if s.Max != nil {
		list = append(list, fmt.Sprintf("Member must have length less than or equal to %.0f", *s.Max))
	}
	if s.Min != nil {
		list = append(list, fmt.Sprintf("Member must have length greater than or equal to %.0f", *s.Min))
	}
	if s.Pattern != nil {
		list = append(list, "Member must satisfy regular expression pattern: "+s.Pattern.Source)
	}
	if s.Enum != nil {
		list = append(list, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
	return list
}

// echoed writes a list, map or structure as Java does.
func echoed(v reflect.Value) string {
	var b strings.Builder
	text := func(e reflect.Value) string {
		e, ok := indirect(e)
		switch {
		case !ok:
			return "null"
		case e.Kind() == reflect.String:
			return e.String()
		case e.CanInt():
			return strconv.FormatInt(e.Int(), 10)
		case e.Kind() == reflect.Bool:
			return strconv.FormatBool(e.Bool())
		case e.Type() != reflect.TypeFor[time.Time]() && (e.Kind() == reflect.Struct || e.Kind() == reflect.Slice && e.Type().Elem().Kind() != reflect.Uint8 || e.Kind() == reflect.Map):
			return echoed(e)
		}
		return "…"
	}
	if v.Kind() == reflect.Struct {
		b.WriteString(v.Type().Name() + "(")
		for i := 0; i < v.NumField() && b.Len() < maxEcho; i++ {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(model.LowerFirst(v.Type().Field(i).Name) + "=" + text(v.Field(i)))
		}
		return b.String() + ")"
	}
	if v.Kind() == reflect.Slice {
		b.WriteByte('[')
		for i := 0; i < v.Len() && b.Len() < maxEcho; i++ {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(text(v.Index(i)))
		}
		return b.String() + "]"
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	b.WriteByte('{')
	for i, k := range keys {
		if b.Len() > maxEcho {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k.String() + "=" + text(v.MapIndex(k)))
	}
	return b.String() + "}"
}

func (r *report) checkString(s *model.Shape, v string) {
	if s.Min != nil || s.Max != nil {
		r.checkBounds(s, utf8.RuneCountInString(v), func() string { return v })
	}
	if s.Pattern != nil && !s.Pattern.Match(v) {
		r.violate(s, v, "Member must satisfy regular expression pattern: "+s.Pattern.Source)
	}
	if s.Enum != nil {
		for _, e := range s.Enum {
			if e == v {
				return
			}
		}
		r.violate(s, v, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
}

// checkBounds checks the length n of a string, blob, list or map; echo gives the value for the message.
func (r *report) checkBounds(s *model.Shape, n int, echo func() string) {
	low, high := s.Min != nil && float64(n) < *s.Min, s.Max != nil && float64(n) > *s.Max
	if !low && !high {
		return
	}
	if r.smithy && s.Min != nil && s.Max != nil {
		r.add(fmt.Sprintf("Value with length %d at '%s' failed to satisfy constraint: Member must have length between %.0f and %.0f, inclusive", n, r.at(""), *s.Min, *s.Max))
		return
	}
	word, limit := "less than or equal to", s.Max
	if low {
		word, limit = "greater than or equal to", s.Min
	}
	constraint := fmt.Sprintf("Member must have length %s %.0f", word, *limit)
	if r.smithy {
		r.add(fmt.Sprintf("Value with length %d at '%s' failed to satisfy constraint: %s", n, r.at(""), constraint))
		return
	}
	r.violate(s, echo(), constraint)
}

func (r *report) checkList(s *model.Shape, v reflect.Value) {
	if s.Min == nil && s.Max == nil {
		return
	}
	r.checkBounds(s, v.Len(), func() string { return echoed(v) })
}

func (r *report) checkNumber(s *model.Shape, v float64) {
	low, high := s.Min != nil && v < *s.Min, s.Max != nil && v > *s.Max
	if !low && !high {
		return
	}
	echo := strconv.FormatFloat(v, 'f', -1, 64)
	if r.smithy && s.Min != nil && s.Max != nil {
		r.add(fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must be between %s and %s, inclusive", echo, r.at(""), plain(*s.Min), plain(*s.Max)))
		return
	}
	if low {
		r.violate(s, echo, "Member must have value greater than or equal to "+plain(*s.Min))
		return
	}
	r.violate(s, echo, "Member must have value less than or equal to "+plain(*s.Max))
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
