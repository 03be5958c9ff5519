package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Cron is a parsed cron expression.
type Cron struct {
	minutes, hours, months uint64 // bit n = value n
	years                  map[int]bool
	anyYear                bool
	days                   dayRule
	weekdays               weekdayRule
}

// dayRule selects days of a month. The zero value is "?".
type dayRule struct {
	set         bool
	bits        uint64
	last        bool // L
	fromLast    int  // L-3
	lastWeekday bool // LW
	nearest     []int
}

// weekdayRule selects days of a week. The zero value is "?".
type weekdayRule struct {
	set  bool
	bits uint64 // bit 0 = Sunday
	last uint64 // 6L: the last such day of the month
	nth  []nthDay
}

type nthDay struct{ day, n int }

const (
	firstYear = 1970
	lastYear  = 2199
)

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(expr, body string) (Schedule, error) {
	f := strings.Fields(body)
	if len(f) != 6 {
		return nil, bad(expr, fmt.Sprintf("%d fields: want minutes hours day-of-month month day-of-week year", len(f)))
	}
	c := &Cron{}
	var err error
	field := func(name, text string, lo, hi int, names []string) uint64 {
		bits, e := parseField(text, lo, hi, names)
		if e != nil && err == nil {
			err = bad(expr, name+": "+e.Error())
		}
		return bits
	}
	c.minutes = field("minutes", f[0], 0, 59, nil)
	c.hours = field("hours", f[1], 0, 23, nil)
	c.months = field("month", f[3], 1, 12, monthNames)
	if err != nil {
		return nil, err
	}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, bad(expr, "one of day-of-month and day-of-week must be ?, and only one")
	}
	if c.days, err = parseDays(f[2]); err != nil {
		return nil, bad(expr, "day-of-month: "+err.Error())
	}
	if c.weekdays, err = parseWeekdays(f[4]); err != nil {
		return nil, bad(expr, "day-of-week: "+err.Error())
	}
	if c.anyYear = f[5] == "*"; !c.anyYear {
		if c.years, err = parseYears(f[5]); err != nil {
			return nil, bad(expr, "year: "+err.Error())
		}
	}
	return c, nil
}

// parseField reads a list of values, ranges and steps.
func parseField(text string, lo, hi int, names []string) (bits uint64, err error) {
	err = eachValue(text, lo, hi, names, func(v int) { bits |= 1 << v })
	return bits, err
}

func eachValue(text string, lo, hi int, names []string, add func(int)) error {
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 {
				return fmt.Errorf("the step %q is no positive number", stepText)
			}
			step = min(n, hi-lo+1) // more than that never adds a second value
		}
		from, to := lo, hi
		if span != "*" {
			a, b, ranged := strings.Cut(span, "-")
			var err error
			if from, err = value(a, lo, hi, names); err != nil {
				return err
			}
			switch {
			case ranged:
				if to, err = value(b, lo, hi, names); err != nil {
					return err
				}
			case !stepped:
				to = from
			}
		}
		if to < from { // SAT-MON wraps around
			for v := from; v <= hi; v += step {
				add(v)
			}
			from = lo
		}
		for v := from; v <= to; v += step {
			add(v)
		}
	}
	return nil
}

func value(text string, lo, hi int, names []string) (int, error) {
	for i, n := range names {
		if strings.EqualFold(n, text) {
			return lo + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("%q: want %d to %d", text, lo, hi)
	}
	return n, nil
}

func parseDays(text string) (dayRule, error) {
	if text == "?" {
		return dayRule{}, nil
	}
	r := dayRule{set: true}
	var plain []string
	for part := range strings.SplitSeq(strings.ToUpper(text), ",") {
		switch {
		case part == "L":
			r.last = true
		case part == "LW":
			r.lastWeekday = true
		case strings.HasPrefix(part, "L-"):
			n, err := value(part[2:], 1, 30, nil)
			if err != nil {
				return r, err
			}
			r.fromLast = n
		case strings.HasSuffix(part, "W"):
			n, err := value(strings.TrimSuffix(part, "W"), 1, 31, nil)
			if err != nil {
				return r, err
			}
			r.nearest = append(r.nearest, n)
		default:
			plain = append(plain, part)
		}
	}
	if len(plain) == 0 {
		return r, nil
	}
	bits, err := parseField(strings.Join(plain, ","), 1, 31, nil)
	r.bits = bits
	return r, err
}

func parseWeekdays(text string) (weekdayRule, error) {
	if text == "?" {
		return weekdayRule{}, nil
	}
	r := weekdayRule{set: true}
	var plain []string
	for part := range strings.SplitSeq(strings.ToUpper(text), ",") {
		day, nth, numbered := strings.Cut(part, "#")
		switch {
		case numbered:
			d, err := value(day, 1, 7, dayNames)
			if err != nil {
				return r, err
			}
			n, err := value(nth, 1, 5, nil)
			if err != nil {
				return r, err
			}
			r.nth = append(r.nth, nthDay{d - 1, n})
		case part == "L":
			r.bits |= 1 << 6
		case strings.HasSuffix(part, "L"):
			d, err := value(strings.TrimSuffix(part, "L"), 1, 7, dayNames)
			if err != nil {
				return r, err
			}
			r.last |= 1 << (d - 1)
		default:
			plain = append(plain, part)
		}
	}
	if len(plain) == 0 {
		return r, nil
	}
	bits, err := parseField(strings.Join(plain, ","), 1, 7, dayNames)
	r.bits |= bits >> 1
	return r, err
}

func parseYears(text string) (map[int]bool, error) {
	years := map[int]bool{}
	return years, eachValue(text, firstYear, lastYear, nil, func(y int) { years[y] = true })
}

// Next implements Schedule.
func (c *Cron) Next(t time.Time) time.Time {
	loc := t.Location()
	t = t.Truncate(time.Minute).Add(time.Minute)
	y, m, d := t.Date()
	for y <= lastYear {
		switch {
		case !c.anyYear && !c.years[y]:
			y, m, d = y+1, time.January, 1
			continue
		case c.months&(1<<m) == 0:
			d = 1
			if m++; m > time.December {
				y, m = y+1, time.January
			}
			continue
		}
		last := lastDay(y, m)
		for ; d <= last; d++ {
			if !c.onDay(y, m, d, last) {
				continue
			}
			for h := range 24 {
				if c.hours&(1<<h) == 0 {
					continue
				}
				for minute := range 60 {
					if c.minutes&(1<<minute) == 0 {
						continue
					}
					at := time.Date(y, m, d, h, minute, 0, 0, loc)
					// A time that daylight saving skips does not exist: the clock shows another hour.
					if !at.Before(t) && at.Hour() == h {
						return at
					}
				}
			}
		}
		d = 1
		if m++; m > time.December {
			y, m = y+1, time.January
		}
	}
	return time.Time{}
}

func (c *Cron) onDay(y int, m time.Month, d, last int) bool {
	if c.weekdays.set {
		return c.weekdays.on(weekday(y, m, d), d, last)
	}
	r := c.days
	if r.bits&(1<<d) != 0 || r.last && d == last || r.fromLast > 0 && d == last-r.fromLast {
		return true
	}
	if r.lastWeekday && d == nearestWeekday(y, m, last, last) {
		return true
	}
	for _, n := range r.nearest {
		if n <= last && d == nearestWeekday(y, m, n, last) {
			return true
		}
	}
	return false
}

func (r weekdayRule) on(wd, d, last int) bool {
	if r.bits&(1<<wd) != 0 || r.last&(1<<wd) != 0 && d > last-7 {
		return true
	}
	for _, n := range r.nth {
		if n.day == wd && (d-1)/7+1 == n.n {
			return true
		}
	}
	return false
}

// nearestWeekday returns the day from Monday to Friday that is nearest to d and in the same month.
func nearestWeekday(y int, m time.Month, d, last int) int {
	switch weekday(y, m, d) {
	case 6:
		if d > 1 {
			return d - 1
		}
		return d + 2
	case 0:
		if d < last {
			return d + 1
		}
		return d - 2
	}
	return d
}

func weekday(y int, m time.Month, d int) int {
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday())
}

func lastDay(y int, m time.Month) int {
	return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
