package scalar

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var intervalTable = map[string]entry{
	"$plus": typed(addInterval(1)), "$minus": typed(addInterval(-1)),
	"$imul": typed(scaleInterval), "$idiv": typed(divideInterval),
	"to_milliseconds": plain(func(a []any) (any, error) { return a[0], nil }),
	"parse_duration":  plain(parseDuration), "human_readable_seconds": plain(humanSeconds),
}

// IntervalText prints an interval.
func IntervalText(v int64, t types.Type) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	if t.Base == types.IntervalYear {
		return fmt.Sprintf("%s%d-%d", sign, v/12, v%12)
	}
	return fmt.Sprintf("%s%d %02d:%02d:%02d.%03d", sign, v/86400000, v/3600000%24, v/60000%60, v/1000%60, v%1000)
}

// addInterval adds an interval to a date, time or timestamp, whichever argument it is, or subtracts one temporal value or
// interval from another.
func addInterval(sign int64) builder {
	return func(s Signature) (Func, error) {
		x, y := s.Args[0], s.Args[1]
		isInterval := func(t types.Type) bool { return t.Is(types.IntervalDay, types.IntervalYear) }
		switch {
		case isInterval(x) && isInterval(y) && x.Base == y.Base:
			return func(a []any) (any, error) { return num(a[0]) + sign*num(a[1]), nil }, nil
		case isInterval(y) && !isInterval(x):
			return moveBy(sign, x, y, s.Result), nil
		case isInterval(x) && !isInterval(y) && sign > 0:
			f := moveBy(1, y, x, s.Result)
			return func(a []any) (any, error) { return f([]any{a[1], a[0]}) }, nil
		case sign < 0 && x.Base == y.Base && x.Is(types.Date, types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ):
			return func(a []any) (any, error) {
				p, q := localMicros(a[0], x), localMicros(a[1], x)
				switch x.Base {
				case types.TimestampTZ:
					p, q = num(list(a[0])[0]), num(list(a[1])[0])
				case types.TimeTZ:
					p, q = p-num(list(a[0])[1])*60e6, q-num(list(a[1])[1])*60e6
				}
				return floorDiv(p-q+500, 1000), nil
			}, nil
		}
		return nil, errSignature
	}
}

func moveBy(sign int64, t, interval, result types.Type) Func {
	return func(a []any) (any, error) {
		n := sign * num(a[1])
		if interval.Base == types.IntervalYear {
			return fromLocal(addMonths(localMicros(a[0], t), n), t, a[0]), nil
		}
		switch t.Base {
		case types.Date:
			if n%86400000 != 0 {
				if sign > 0 {
					return nil, invalid("Cannot add hour, minutes or seconds to a date")
				}
				return nil, invalid("Cannot subtract hour, minutes or seconds from a date")
			}
			return num(a[0]) + n/86400000, nil
		case types.TimestampTZ:
			us, zone := zoned(a[0])
			return []any{us + n*1000, zone}, nil
		case types.TimeTZ:
			l := list(a[0])
			return []any{floorMod(num(l[0])+n*1000, microsPerDay), l[1]}, nil
		}
		return fromLocal(num(a[0])+n*1000, t, a[0]), nil
	}
}

// scaleInterval multiplies an interval by a number; the interval may be either argument.
func scaleInterval(s Signature) (Func, error) {
	i, n := 0, 1
	if !s.Args[0].Is(types.IntervalDay, types.IntervalYear) {
		i, n = 1, 0
	}
	if !s.Args[n].Is(types.Double, types.BigInt) {
		return nil, errSignature
	}
	return func(a []any) (any, error) {
		f, ok := a[n].(float64)
		switch {
		case ok && math.IsNaN(f):
			return nil, invalid("Cannot multiply by double NaN")
		case ok:
			return int64(float64(num(a[i])) * f), nil
		}
		return num(a[i]) * num(a[n]), nil
	}, nil
}

func divideInterval(Signature) (Func, error) {
	return func(a []any) (any, error) {
		f := dbl(a[1])
		if f == 0 || math.IsNaN(f) {
			return nil, invalid("Cannot divide by double %s", JavaDouble(f))
		}
		return int64(float64(num(a[0])) / f), nil
	}, nil
}

// ParseInterval reads the text of INTERVAL '…' unit [TO unit].
func ParseInterval(text, from, to string, negative bool) (value int64, t types.Type, ok bool) {
	order := []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}
	index := func(u string) int {
		for i, o := range order {
			if o == u {
				return i
			}
		}
		return -1
	}
	lo := index(from)
	hi := lo
	if to != "" {
		hi = index(to)
	}
	if hi < lo || lo < 2 && hi > 1 {
		return 0, t, false
	}
	t = types.Of(types.IntervalDay)
	if lo < 2 {
		t = types.Of(types.IntervalYear)
	}
	s := strings.TrimRight(text, " ")
	if lo == hi {
		s = strings.TrimSpace(text)
	}
	if strings.HasPrefix(s, "-") {
		negative, s = !negative, s[1:]
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	seps := map[int]string{0: "-", 2: " ", 3: ":", 4: ":"}
	for i := lo; i <= hi; i++ {
		if s == "" && (lo < hi || text == "") {
			break // the last units may be missing
		}
		field := s
		if i < hi {
			field, s, _ = strings.Cut(s, seps[i])
		}
		n, ok := intervalField(field, order[i])
		if !ok {
			return 0, t, false
		}
		value += n
	}
	if negative {
		value = -value
	}
	return value, t, true
}

var secondsPattern = regexp.MustCompile(`^(\d+)(?:\.(\d*))?$`)

func intervalField(s, unit string) (int64, bool) {
	if unit == "SECOND" {
		m := secondsPattern.FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		ms, _ := strconv.ParseInt((m[2] + "000")[:3], 10, 64)
		return n*1000 + ms, err == nil && n <= math.MaxInt32
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strings.ContainsAny(s, "+-") || n > math.MaxInt32 {
		return 0, false
	}
	return n * map[string]int64{"YEAR": 12, "MONTH": 1, "DAY": 86400000, "HOUR": 3600000, "MINUTE": 60000}[unit], true
}

var durationPattern = regexp.MustCompile(`^\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*$`)

func parseDuration(a []any) (any, error) {
	m := durationPattern.FindStringSubmatch(str(a[0]))
	unit := map[string]float64{"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000}
	if m == nil {
		return nil, invalid("duration is not a valid data duration string: %s", str(a[0]))
	}
	u, ok := unit[m[2]]
	if !ok {
		return nil, invalid("Unknown time unit: %s", m[2])
	}
	f, _ := strconv.ParseFloat(m[1], 64)
	return int64(math.Floor(f*u + 0.5)), nil
}

func humanSeconds(a []any) (any, error) {
	f := dbl(a[0])
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, invalid("Invalid argument found: %s", JavaDouble(f))
	}
	n := int64(math.Round(math.Abs(f)))
	if n == 0 {
		return "0 seconds", nil
	}
	var out []string
	for _, u := range []struct {
		name string
		size int64
	}{{"week", 604800}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		if c := n / u.size; c > 0 {
			name := u.name
			if c > 1 {
				name += "s"
			}
			out = append(out, fmt.Sprintf("%d %s", c, name))
			n %= u.size
		}
	}
	return strings.Join(out, ", "), nil
}
