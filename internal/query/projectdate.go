package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// nowBound is an end of a range of dates that moves with the clock: NOW, NOW-3YEARS, NOW+1DAY.
var nowBound = regexp.MustCompile(`^NOW\s*(?:([+-])\s*([0-9]{1,9})\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?$`)

// dates steps from one end of a range to the other, both included, as far as the format can tell them apart.
func (k *projectedKey) dates(now time.Time) (func(func(projectedValue) bool), error) {
	if err := k.only(types.Varchar, types.Char, types.Date, types.Timestamp); err != nil {
		return nil, err
	}
	pattern, err := k.need("format")
	if err != nil {
		return nil, err
	}
	layout, err := goLayout(pattern)
	if err != nil {
		return nil, k.fail("Property: 'projection.%s.format' %s", k.name, err.Error())
	}
	lo, hi, err := k.bounds()
	if err != nil {
		return nil, err
	}
	from, err1 := dateBound(lo, layout, now)
	to, err2 := dateBound(hi, layout, now)
	if err1 != nil || err2 != nil {
		return nil, k.fail("Property: 'projection.%s.range' must be two dates of the form '%s', or NOW with an offset: '%s,%s'", k.name, pattern, lo, hi)
	}
	step, err := k.number("interval", 1)
	if err != nil {
		return nil, err
	}
	unit := strings.ToUpper(strings.TrimSpace(k.prop("interval.unit")))
	if unit == "" {
		if strings.ContainsAny(unquoted(pattern), "HhmsSn") || k.prop("interval") != "" {
			return nil, k.fail("Property: 'projection.%s.interval.unit' needs to be set when provided 'projection.%s.format' is less that single-day precision. Interval defaults to 1 day or 1 month, respectively. Otherwise, interval is required", k.name, k.name)
		}
		if unit = "MONTHS"; strings.Contains(unquoted(pattern), "d") {
			unit = "DAYS"
		}
	}
	if _, ok := later(from, unit, 1); !ok {
		return nil, k.fail("Property: 'projection.%s.interval.unit' value '%s' is none of YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES, SECONDS and MILLIS", k.name, unit)
	}
	return func(yield func(projectedValue) bool) {
		for n := int64(0); ; n++ {
			t, _ := later(from, unit, n*step)
			if t.After(to) {
				return
			}
			v := projectedValue{path: t.Format(layout)}
			switch k.typ.Base {
			case types.Date:
				v.value = t.Format(time.DateOnly)
			case types.Timestamp:
				v.value = t.Format("2006-01-02 15:04:05.000")
			default:
				v.value = v.path
			}
			if !yield(v) {
				return
			}
		}
	}, nil
}

// later adds n units; it reports false where the unit is not known.
func later(t time.Time, unit string, n int64) (time.Time, bool) {
	i := int(n)
	switch strings.TrimSuffix(unit, "S") {
	case "YEAR":
		return t.AddDate(i, 0, 0), true
	case "MONTH":
		return t.AddDate(0, i, 0), true
	case "WEEK":
		return t.AddDate(0, 0, 7*i), true
	case "DAY":
		return t.AddDate(0, 0, i), true
	case "HOUR":
		return t.Add(time.Duration(n) * time.Hour), true
	case "MINUTE":
		return t.Add(time.Duration(n) * time.Minute), true
	case "SECOND":
		return t.Add(time.Duration(n) * time.Second), true
	case "MILLI":
		return t.Add(time.Duration(n) * time.Millisecond), true
	}
	return t, false
}

// dateBound reads an end of a range, cut to what the layout can tell.
func dateBound(s, layout string, now time.Time) (time.Time, error) {
	m := nowBound.FindStringSubmatch(strings.ToUpper(s))
	if m == nil {
		return time.Parse(layout, s)
	}
	if m[1] != "" {
		n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
		if err != nil {
			return now, err
		}
		now, _ = later(now, m[3], n)
	}
	return time.Parse(layout, now.Format(layout))
}

// javaLetters are the runs of letters of Java's DateTimeFormatter that folders of data use, as Go writes them.
var javaLetters = map[string]string{
	"yyyy": "2006", "uuuu": "2006", "yy": "06", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1", "dd": "02", "d": "2", "DDD": "002",
	"EEEE": "Monday", "EEE": "Mon", "HH": "15", "hh": "03", "h": "3", "mm": "04", "m": "4", "ss": "05", "s": "5", "a": "PM",
	"XXX": "Z07:00", "Z": "-0700",
}

// goLayout translates a pattern of Java's DateTimeFormatter.
func goLayout(pattern string) (string, error) {
	var b strings.Builder
	literal := func(s string) error {
		if strings.ContainsAny(s, "0123456789") || strings.Contains(s, "Jan") || strings.Contains(s, "Mon") || strings.Contains(s, "MST") || strings.Contains(s, "PM") {
			return fmt.Errorf("has a text that is not supported: '%s'", s)
		}
		b.WriteString(s)
		return nil
	}
	for i := 0; i < len(pattern); {
		c := pattern[i]
		j := i + 1
		switch {
		case c == '\'':
			end := strings.IndexByte(pattern[j:], '\'')
			if end < 0 {
				return "", fmt.Errorf("has a quote without its end: '%s'", pattern)
			}
			s := pattern[j : j+end]
			if s == "" {
				s = "'"
			}
			if err := literal(s); err != nil {
				return "", err
			}
			i = j + end + 1
			continue
		case c|32 < 'a' || c|32 > 'z':
			if err := literal(pattern[i:j]); err != nil {
				return "", err
			}
			i = j
			continue
		}
		for j < len(pattern) && pattern[j] == c {
			j++
		}
		run := pattern[i:j]
		switch {
		case javaLetters[run] != "":
			b.WriteString(javaLetters[run])
		case c == 'S' && strings.HasSuffix(b.String(), ".") && len(run) <= 9: // Go knows a fraction by the point before it
			b.WriteString(strings.Repeat("0", len(run)))
		default:
			return "", fmt.Errorf("has letters that are not supported: '%s'", run)
		}
		i = j
	}
	layout := b.String()
	if strings.Contains(strings.ReplaceAll(layout, "_2006", ""), "_2") { // Go's day that is padded with a blank
		return "", fmt.Errorf("has a text that is not supported: '_d'")
	}
	return layout, nil
}

// unquoted is a pattern without its literal texts.
func unquoted(pattern string) string {
	var b strings.Builder
	for i, s := range strings.Split(pattern, "'") {
		if i%2 == 0 {
			b.WriteString(s)
		}
	}
	return b.String()
}
