package scalar

import (
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var temporalTable = map[string]entry{
	"date_add": typed(dateAdd), "date_diff": typed(dateDiff), "date_trunc": typed(dateTrunc),
	"year": part(func(t time.Time, _ int64) int64 { return int64(t.Year()) }), "quarter": part(func(t time.Time, _ int64) int64 { return int64(t.Month()-1)/3 + 1 }),
	"month": part(func(t time.Time, _ int64) int64 { return int64(t.Month()) }), "week": part(isoWeek), "week_of_year": part(isoWeek),
	"day": part(dayOfMonth), "day_of_month": part(dayOfMonth), "day_of_week": part(dayOfWeek), "dow": part(dayOfWeek),
	"day_of_year": part(dayOfYear), "doy": part(dayOfYear), "year_of_week": part(isoYear), "yow": part(isoYear),
	"hour":        part(func(_ time.Time, us int64) int64 { return us / 3600e6 % 24 }),
	"minute":      part(func(_ time.Time, us int64) int64 { return us / 60e6 % 60 }),
	"second":      part(func(_ time.Time, us int64) int64 { return us / 1e6 % 60 }),
	"millisecond": part(func(_ time.Time, us int64) int64 { return us / 1e3 % 1000 }),
	"timezone_hour": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) { return offsetOf(a[0], s.Args[0]) / 60, nil }, nil
	}),
	"timezone_minute": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) { return offsetOf(a[0], s.Args[0]) % 60, nil }, nil
	}),
	"timezone": typed(func(s Signature) (Func, error) {
		if s.Args[0].Base == types.TimeTZ {
			return func(a []any) (any, error) { return OffsetText(num(list(a[0])[1])), nil }, nil
		}
		return func(a []any) (any, error) { _, z := zoned(a[0]); return z, nil }, nil
	}),
	"last_day_of_month": typed(func(s Signature) (Func, error) {
		return func(a []any) (any, error) {
			t := civil(localMicros(a[0], s.Args[0]))
			return daysOf(time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)), nil
		}, nil
	}),
	"with_timezone": plain(func(a []any) (any, error) {
		zone, err := needZone(str(a[1]))
		if err != nil {
			return nil, err
		}
		us, _ := toInstant(num(a[0]), zone)
		return []any{us, zone}, nil
	}),
	"at_timezone":   typed(atTimezone),
	"from_unixtime": typed(fromUnixtime), "from_unixtime_nanos": typed(fromUnixtimeNanos),
	"to_unixtime": plain(func(a []any) (any, error) { us, _ := zoned(a[0]); return float64(us) / 1e6, nil }),
}

func isoWeek(t time.Time, _ int64) int64    { _, w := t.ISOWeek(); return int64(w) }
func isoYear(t time.Time, _ int64) int64    { y, _ := t.ISOWeek(); return int64(y) }
func dayOfMonth(t time.Time, _ int64) int64 { return int64(t.Day()) }
func dayOfYear(t time.Time, _ int64) int64  { return int64(t.YearDay()) }
func dayOfWeek(t time.Time, _ int64) int64  { return int64(t.Weekday()+6)%7 + 1 }

// part registers a field of a date, time or interval.
func part(f func(t time.Time, usOfDay int64) int64) entry {
	return typed(func(s Signature) (Func, error) {
		in := s.Args[0]
		switch in.Base {
		case types.IntervalDay:
			return func(a []any) (any, error) {
				ms := num(a[0])
				sign := int64(1)
				if ms < 0 {
					ms, sign = -ms, -1
				}
				// A day field counts all days; f sees the first of January plus them only for the others.
				t := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
				if v := f(t.AddDate(0, 0, 1), 0); v == 2 {
					return sign * (ms / 86400000), nil
				}
				return sign * f(t, ms%86400000*1000), nil
			}, nil
		case types.IntervalYear:
			return func(a []any) (any, error) {
				n := num(a[0])
				if f(time.Date(7, 1, 1, 0, 0, 0, 0, time.UTC), 0) == 7 {
					return n / 12, nil
				}
				return n % 12, nil
			}, nil
		case types.Date, types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ:
			return func(a []any) (any, error) {
				us := localMicros(a[0], in)
				return f(civil(us), floorMod(us, microsPerDay)), nil
			}, nil
		}
		return nil, errSignature
	})
}

func offsetOf(v any, t types.Type) int64 {
	if t.Base == types.TimeTZ {
		return num(list(v)[1])
	}
	us, zone := zoned(v)
	return offsetAt(us, zone) / 60
}

func needZone(name string) (string, error) {
	if z, ok := ZoneName(name); ok {
		return z, nil
	}
	return "", invalid("'%s' is not a valid time zone", name)
}

func atTimezone(s Signature) (Func, error) {
	if s.Args[0].Base == types.TimeTZ {
		return func(a []any) (any, error) {
			zone := str(a[1])
			if z, ok := ZoneName(zone); ok {
				if z == "UTC" {
					z = "+00:00"
				}
				if z[0] != '+' && z[0] != '-' {
					return nil, unsupported("AT TIME ZONE of a time with a region's zone")
				}
				off := offsetMinutes(z)
				l := list(a[0])
				return []any{floorMod(num(l[0])+(off-num(l[1]))*60e6, microsPerDay), off}, nil
			}
			return nil, invalid("'%s' is not a valid time zone", zone)
		}, nil
	}
	return func(a []any) (any, error) {
		zone, err := needZone(str(a[1]))
		if err != nil {
			return nil, err
		}
		us, _ := zoned(a[0])
		return []any{us, zone}, nil
	}, nil
}

func fromUnixtime(s Signature) (Func, error) {
	zone := func(a []any) (string, error) { return "UTC", nil }
	switch len(s.Args) {
	case 2:
		zone = func(a []any) (string, error) {
			if z, ok := ZoneName(str(a[1])); ok {
				return z, nil
			}
			return "", unsupported("Time zone not supported: %s", str(a[1]))
		}
	case 3:
		zone = func(a []any) (string, error) {
			off := num(a[1])*60 + num(a[2])
			z, ok := offsetName(off)
			if !ok {
				return "", invalid("Invalid offset minutes %d", off)
			}
			return z, nil
		}
	}
	return func(a []any) (any, error) {
		z, err := zone(a)
		if err != nil {
			return nil, err
		}
		sec := dbl(a[0])
		if math.IsNaN(sec) {
			sec = 0
		}
		ms := math.Floor(sec*1000 + 0.5)
		if math.Abs(ms) > 1<<51 {
			return nil, invalid("Millis overflow: %.0f", ms)
		}
		return []any{int64(ms) * 1000, z}, nil
	}, nil
}

func fromUnixtimeNanos(s Signature) (Func, error) {
	return func(a []any) (any, error) {
		var n *big.Int
		if b, ok := a[0].(*big.Int); ok {
			n = rescale(b, s.Args[0].S, 0)
		} else {
			n = big.NewInt(num(a[0]))
		}
		us, rem := new(big.Int).DivMod(n, big.NewInt(1000), new(big.Int))
		if rem.Sign() != 0 && s.Result.P > 6 {
			// Athena shows three digits, but comparisons would be wrong.
			return nil, unsupported("timestamps finer than a microsecond")
		}
		if !us.IsInt64() {
			return nil, invalid("Millis overflow: %s", us)
		}
		return []any{us.Int64(), "UTC"}, nil
	}, nil
}

// unitMicros are the units of constant length.
var unitMicros = map[string]int64{"millisecond": 1000, "second": 1e6, "minute": 60e6, "hour": 3600e6, "day": microsPerDay, "week": 7 * microsPerDay}

var unitMonths = map[string]int64{"month": 1, "quarter": 3, "year": 12}

// unit checks a unit's name for a type.
func unit(name string, t types.Type) (string, error) {
	u := strings.ToLower(name)
	_, fixed := unitMicros[u]
	_, months := unitMonths[u]
	label, ok := "TIMESTAMP", fixed || months
	switch t.Base {
	case types.Date:
		label, ok = "DATE", months || u == "day" || u == "week"
	case types.Time, types.TimeTZ:
		label, ok = "TIME", fixed && u != "day" && u != "week"
	}
	if !ok {
		return "", invalid("'%s' is not a valid %s field", u, label)
	}
	return u, nil
}

func dateAdd(s Signature) (Func, error) {
	t := s.Args[2]
	return func(a []any) (any, error) {
		u, err := unit(str(a[0]), t)
		if err != nil {
			return nil, err
		}
		n := num(a[1])
		if n > 1<<40 || n < -(1<<40) {
			return nil, invalid("Value %d is too large", n)
		}
		local := localMicros(a[2], t)
		if m, ok := unitMonths[u]; ok {
			if years := n * m / 12; years > 280000 || years < -280000 {
				return nil, invalid("Millis overflow")
			}
			return inRange(fromLocal(addMonths(local, n*m), t, a[2]), t)
		}
		step := unitMicros[u]
		if total := float64(step) * float64(n); math.Abs(total) > 8e18 {
			return nil, invalid("Millis overflow")
		}
		if t.Base == types.TimestampTZ {
			us, zone := zoned(a[2])
			if u == "day" || u == "week" { // the clock moves, not the instant
				return inRange(fromLocal(local+n*step, t, a[2]), t)
			}
			return inRange([]any{RoundMicros(us+n*step, t.P), zone}, t)
		}
		if t.Base != types.Date {
			return fromLocal(RoundMicros(local+n*step, t.P), t, a[2]), nil
		}
		return fromLocal(local+n*step, t, a[2]), nil
	}, nil
}

// inRange checks that a timestamp with time zone has a value in Trino: its milliseconds have 52 bits.
func inRange(v any, t types.Type) (any, error) {
	if t.Base == types.TimestampTZ {
		us, _ := zoned(v)
		if ms := floorDiv(us, 1000); ms >= 1<<51 || ms < -(1<<51) {
			return nil, invalid("Millis overflow: %d", ms)
		}
	}
	return v, nil
}

func dateDiff(s Signature) (Func, error) {
	t := s.Args[1]
	return func(a []any) (any, error) {
		u, err := unit(str(a[0]), t)
		if err != nil {
			return nil, err
		}
		from, to := localMicros(a[1], t), localMicros(a[2], t)
		if t.Base == types.TimestampTZ {
			x, zone := zoned(a[1])
			y, _ := zoned(a[2])
			to = toLocal(y, zone)
			if u != "day" && u != "week" && unitMonths[u] == 0 {
				from, to = x, y
			}
		} else if t.Base == types.TimeTZ {
			from -= num(list(a[1])[1]) * 60e6
			to -= num(list(a[2])[1]) * 60e6
		}
		if m, ok := unitMonths[u]; ok {
			return monthsBetween(from, to) / m, nil
		}
		if u == "millisecond" {
			return floorDiv(to, 1000) - floorDiv(from, 1000), nil
		}
		return (floorDiv(to, 1000)*1000 - floorDiv(from, 1000)*1000) / unitMicros[u], nil
	}, nil
}

// monthsBetween counts the whole months from one clock reading to another.
func monthsBetween(from, to int64) int64 {
	if from > to {
		return -monthsBetweenForward(to, from, true)
	}
	return monthsBetweenForward(from, to, false)
}

func monthsBetweenForward(from, to int64, swapped bool) int64 {
	x, y := civil(from), civil(to)
	n := int64(y.Year()-x.Year())*12 + int64(y.Month()-x.Month())
	if swapped {
		// Counting back from the later reading: its day is cut to the month's last.
		if addMonths(to, -n) < from {
			n--
		}
		return n
	}
	if addMonths(from, n) > to {
		n--
	}
	return n
}

func dateTrunc(s Signature) (Func, error) {
	t := s.Args[1]
	return func(a []any) (any, error) {
		u, err := unit(str(a[0]), t)
		if err != nil {
			return nil, err
		}
		local := localMicros(a[1], t)
		c := civil(local)
		month := func(m time.Month) any {
			return fromLocal(micros(time.Date(c.Year(), m, 1, 0, 0, 0, 0, time.UTC)), t, a[1])
		}
		switch u {
		case "week":
			day := floorDiv(local, microsPerDay)
			return fromLocal((day-floorMod(day+3, 7))*microsPerDay, t, a[1]), nil
		case "month":
			return month(c.Month()), nil
		case "quarter":
			return month((c.Month()-1)/3*3 + 1), nil
		case "year":
			return month(1), nil
		}
		step := unitMicros[u]
		if t.Base == types.TimestampTZ && u != "day" {
			us, zone := zoned(a[1])
			return []any{us - floorMod(local, step), zone}, nil
		}
		return fromLocal(local-floorMod(local, step), t, a[1]), nil
	}, nil
}
