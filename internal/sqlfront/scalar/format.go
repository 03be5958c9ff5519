package scalar

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var formatTable = map[string]entry{
	"date_format": typed(dateFormat), "date_parse": plain(dateParse), "format_datetime": typed(formatDatetime),
	"parse_datetime": plain(parseDatetime), "to_iso8601": typed(toISO), "from_iso8601_date": plain(fromISODate),
	"from_iso8601_timestamp": plain(fromISOTimestamp), "format": withNulls(typed(format)),
}

// mysqlToJoda has the letters of date_format that have an equal in Joda's patterns.
func dateFormat(s Signature) (Func, error) {
	in := s.Args[0]
	return func(a []any) (any, error) {
		us := RoundMicros(localMicros(a[0], in), 3)
		t := civil(us)
		var b strings.Builder
		f := str(a[1])
		if f == "" {
			return nil, invalid("Both printing and parsing not supported")
		}
		h12 := (t.Hour()+11)%12 + 1
		ampm := "AM"
		if t.Hour() >= 12 {
			ampm = "PM"
		}
		for i := 0; i < len(f); i++ {
			if f[i] != '%' || i+1 >= len(f) {
				b.WriteByte(f[i])
				continue
			}
			i++
			switch f[i] {
			case 'a':
				b.WriteString(t.Format("Mon"))
			case 'b':
				b.WriteString(t.Format("Jan"))
			case 'c':
				b.WriteString(strconv.Itoa(int(t.Month())))
			case 'd':
				fmt.Fprintf(&b, "%02d", t.Day())
			case 'e':
				b.WriteString(strconv.Itoa(t.Day()))
			case 'f':
				fmt.Fprintf(&b, "%06d", floorMod(us, microsPerSecond))
			case 'H':
				fmt.Fprintf(&b, "%02d", t.Hour())
			case 'h', 'I':
				fmt.Fprintf(&b, "%02d", h12)
			case 'i':
				fmt.Fprintf(&b, "%02d", t.Minute())
			case 'j':
				fmt.Fprintf(&b, "%03d", t.YearDay())
			case 'k':
				b.WriteString(strconv.Itoa(t.Hour()))
			case 'l':
				b.WriteString(strconv.Itoa(h12))
			case 'M':
				b.WriteString(t.Month().String())
			case 'm':
				fmt.Fprintf(&b, "%02d", int(t.Month()))
			case 'p':
				b.WriteString(ampm)
			case 'r':
				fmt.Fprintf(&b, "%02d:%02d:%02d %s", h12, t.Minute(), t.Second(), ampm)
			case 'S', 's':
				fmt.Fprintf(&b, "%02d", t.Second())
			case 'T':
				fmt.Fprintf(&b, "%02d:%02d:%02d", t.Hour(), t.Minute(), t.Second())
			case 'v':
				fmt.Fprintf(&b, "%02d", isoWeek(t, 0))
			case 'W':
				b.WriteString(t.Weekday().String())
			case 'x':
				fmt.Fprintf(&b, "%04d", isoYear(t, 0))
			case 'Y':
				fmt.Fprintf(&b, "%04d", t.Year())
			case 'y':
				fmt.Fprintf(&b, "%02d", t.Year()%100)
			case '%':
				b.WriteByte('%')
			case 'D', 'U', 'u', 'V', 'w', 'X':
				return nil, invalid("%%%c not supported in date format string", f[i])
			default:
				b.WriteByte(f[i])
			}
		}
		return b.String(), nil
	}, nil
}

// dateParse reads a text by a format of MySQL's.
func dateParse(a []any) (any, error) {
	p := newParsed(str(a[0]))
	f := str(a[1])
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			if !p.literal(f[i : i+1]) {
				return nil, p.malformed()
			}
			continue
		}
		i++
		ok := true
		switch c := f[i]; c {
		case 'a', 'W':
			ok = p.weekday()
		case 'b', 'M':
			ok = p.monthName()
		case 'c', 'm':
			ok = p.int(&p.month, 2)
		case 'd', 'e':
			ok = p.int(&p.day, 2)
		case 'f':
			ok = p.fraction()
		case 'H', 'k':
			ok = p.int(&p.hour, 2)
		case 'h', 'I', 'l':
			ok = p.int(&p.hour12, 2)
		case 'i':
			ok = p.int(&p.minute, 2)
		case 'j':
			ok = p.int(&p.yearDay, 3)
		case 'p':
			ok = p.half()
		case 'r':
			ok = p.int(&p.hour12, 2) && p.literal(":") && p.int(&p.minute, 2) && p.literal(":") && p.int(&p.second, 2) && p.literal(" ") && p.half()
		case 'S', 's':
			ok = p.int(&p.second, 2)
		case 'T':
			ok = p.int(&p.hour, 2) && p.literal(":") && p.int(&p.minute, 2) && p.literal(":") && p.int(&p.second, 2)
		case 'v':
			ok = p.int(&p.week, 2)
		case 'x':
			ok = p.signedInt(&p.weekYear, 4)
		case 'Y':
			width := 9
			if i+2 < len(f) && f[i+1] == '%' && strings.IndexByte("cmdeHkhIlijSsfvy", f[i+2]) >= 0 {
				width = 4 // digits of the next field follow at once
			}
			ok = p.signedInt(&p.year, width)
		case 'y':
			if ok = p.int(&p.year, 2); ok {
				p.year += 1900
				if p.year < 1970 {
					p.year += 100
				}
			}
		case 'D', 'U', 'u', 'V', 'w', 'X':
			return nil, invalid("%%%c not supported in date format string", c)
		default:
			ok = p.literal(string(c))
		}
		if !ok {
			return nil, p.malformed()
		}
	}
	if p.i < len(p.s) {
		return nil, p.malformed()
	}
	us, err := p.micros()
	if err != nil {
		return nil, err
	}
	return floorDiv(us, 1000) * 1000, nil
}

// parsed collects the fields of a date and time that is read; -1 = not given.
type parsed struct {
	s                                              string
	i                                              int
	year, month, day, hour, hour12, minute, second int64
	yearDay, week, weekYear, weekDay, pm           int64
	us                                             int64
	zone                                           string
}

func newParsed(s string) *parsed {
	return &parsed{s: s, year: -1 << 40, month: -1, day: -1, hour: -1, hour12: -1, minute: -1, second: -1, yearDay: -1, week: -1, weekYear: -1 << 40, weekDay: -1, pm: -1}
}

func (p *parsed) malformed() error {
	if p.i == 0 || p.i >= len(p.s) && p.s == "" {
		return invalid("Invalid format: %q", p.s)
	}
	if p.i >= len(p.s) {
		return invalid("Invalid format: %q is too short", p.s)
	}
	return invalid("Invalid format: %q is malformed at %q", p.s, p.s[p.i:])
}

func (p *parsed) literal(s string) bool {
	if strings.HasPrefix(p.s[p.i:], s) {
		p.i += len(s)
		return true
	}
	return false
}

func (p *parsed) int(to *int64, most int) bool {
	j := p.i
	for j < len(p.s) && j < p.i+most && p.s[j] >= '0' && p.s[j] <= '9' {
		j++
	}
	n, err := strconv.ParseInt(p.s[p.i:j], 10, 64)
	if err != nil {
		return false
	}
	*to, p.i = n, j
	return true
}

func (p *parsed) signedInt(to *int64, most int) bool {
	neg := p.literal("-")
	if !neg {
		p.literal("+")
	}
	if !p.int(to, most) {
		return false
	}
	if neg {
		*to = -*to
	}
	return true
}

func (p *parsed) fraction() bool {
	j := p.i
	for j < len(p.s) && j < p.i+9 && p.s[j] >= '0' && p.s[j] <= '9' {
		j++
	}
	if j == p.i {
		return false
	}
	p.us, _ = strconv.ParseInt((p.s[p.i:j] + "000000")[:6], 10, 64)
	p.i = j
	return true
}

func (p *parsed) oneOf(names func(i int) []string, n int) int {
	for i := range n {
		for _, name := range names(i) {
			if len(p.s)-p.i >= len(name) && strings.EqualFold(p.s[p.i:p.i+len(name)], name) {
				p.i += len(name)
				return i
			}
		}
	}
	return -1
}

func (p *parsed) monthName() bool {
	i := p.oneOf(func(i int) []string { m := time.Month(i + 1).String(); return []string{m, m[:3]} }, 12)
	p.month = int64(i + 1)
	return i >= 0
}

func (p *parsed) weekday() bool {
	i := p.oneOf(func(i int) []string { d := time.Weekday((i + 1) % 7).String(); return []string{d, d[:3]} }, 7)
	p.weekDay = int64(i + 1)
	return i >= 0
}

func (p *parsed) half() bool {
	i := p.oneOf(func(i int) []string { return []string{[]string{"AM", "PM"}[i]} }, 2)
	p.pm = int64(i)
	return i >= 0
}

func within(name string, v, lo, hi int64) error {
	if v >= 0 && (v < lo || v > hi) {
		return invalid("Invalid value for %s (valid values %d - %d): %d", name, lo, hi, v)
	}
	return nil
}

// micros returns what the clock shows.
func (p *parsed) micros() (int64, error) {
	for _, c := range []struct {
		name   string
		v      int64
		lo, hi int64
	}{{"MonthOfYear", p.month, 1, 12}, {"DayOfMonth", p.day, 1, 31}, {"HourOfDay", p.hour, 0, 23}, {"ClockhourOfHalfday", p.hour12, 1, 12},
		{"MinuteOfHour", p.minute, 0, 59}, {"SecondOfMinute", p.second, 0, 59}, {"DayOfYear", p.yearDay, 1, 366}, {"WeekOfWeekyear", p.week, 1, 53}} {
		if err := within(c.name, c.v, c.lo, c.hi); err != nil {
			return 0, err
		}
	}
	or := func(v, other int64) int64 {
		if v < 0 {
			return other
		}
		return v
	}
	hour := or(p.hour, 0)
	if p.hour12 >= 0 {
		hour = p.hour12 % 12
		if p.pm == 1 {
			hour += 12
		}
	}
	year := p.year
	if year == -1<<40 {
		year = 1970
	}
	var days int64
	switch {
	case p.week > 0 || p.weekYear != -1<<40:
		y := p.weekYear
		if y == -1<<40 {
			y = year
		}
		jan4 := daysOf(time.Date(int(y), 1, 4, 0, 0, 0, 0, time.UTC))
		monday := jan4 - floorMod(jan4+3, 7)
		days = monday + (or(p.week, 1)-1)*7 + or(p.weekDay, 1) - 1
	case p.yearDay > 0:
		days = daysOf(time.Date(int(year), 1, 1, 0, 0, 0, 0, time.UTC)) + p.yearDay - 1
	default:
		month, day := or(p.month, 1), or(p.day, 1)
		t := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
		if int64(t.Day()) != day {
			last := time.Date(int(year), time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
			return 0, invalid("Cannot parse %q: Value %d for dayOfMonth must be in the range [1,%d]", p.s, day, last)
		}
		days = daysOf(t)
	}
	return days*microsPerDay + (hour*3600+or(p.minute, 0)*60+or(p.second, 0))*microsPerSecond + p.us, nil
}

func toISO(s Signature) (Func, error) {
	in := s.Args[0]
	switch in.Base {
	case types.Date:
		return func(a []any) (any, error) { return DateText(num(a[0])), nil }, nil
	case types.Timestamp:
		return func(a []any) (any, error) { return strings.Replace(TimestampText(num(a[0]), in.P), " ", "T", 1), nil }, nil
	case types.TimestampTZ:
		return func(a []any) (any, error) {
			us, zone := zoned(a[0])
			text := strings.Replace(TimestampText(toLocal(us, zone), in.P), " ", "T", 1)
			if zone == "UTC" {
				return text + "Z", nil
			}
			return text + OffsetText(offsetAt(us, zone)/60), nil
		}, nil
	}
	return nil, errSignature
}

var isoPattern = regexp.MustCompile(`^([+-]?\d{4,9})(?:-(?:(\d{3})|W(\d{2})(?:-(\d))?|(\d{2})(?:-(\d{2}))?))?(?:(T)(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$`)

func parseISO(s string) (*parsed, bool, bool) {
	m := isoPattern.FindStringSubmatch(s)
	if m == nil {
		return nil, false, false
	}
	p := newParsed(s)
	set := func(to *int64, text string) {
		if text != "" {
			*to, _ = strconv.ParseInt(text, 10, 64)
		}
	}
	set(&p.year, m[1])
	if m[3] != "" {
		p.weekYear = p.year
	}
	set(&p.yearDay, m[2])
	set(&p.week, m[3])
	set(&p.weekDay, m[4])
	set(&p.month, m[5])
	set(&p.day, m[6])
	set(&p.hour, m[8])
	set(&p.minute, m[9])
	set(&p.second, m[10])
	if m[11] != "" {
		p.us, _ = strconv.ParseInt((m[11] + "000000")[:6], 10, 64)
	}
	p.zone = m[12]
	return p, m[7] != "", true
}

func fromISODate(a []any) (any, error) {
	p, hasTime, ok := parseISO(str(a[0]))
	if !ok || hasTime {
		return nil, invalid("Invalid format: %q", str(a[0]))
	}
	us, err := p.micros()
	if err != nil {
		return nil, err
	}
	return floorDiv(us, microsPerDay), nil
}

func fromISOTimestamp(a []any) (any, error) {
	s := str(a[0])
	if strings.HasPrefix(s, "T") {
		s = "1970-01-01" + s
	}
	p, _, ok := parseISO(s)
	if !ok {
		return nil, invalid("Invalid format: %q", str(a[0]))
	}
	local, err := p.micros()
	if err != nil {
		return nil, err
	}
	zone := "UTC"
	if p.zone != "" {
		z := p.zone
		if len(z) == 3 {
			z += ":00"
		}
		if len(z) == 5 {
			z = z[:3] + ":" + z[3:]
		}
		if zone, ok = ZoneName(z); !ok {
			return nil, invalid("Invalid format: %q", str(a[0]))
		}
	}
	us, _ := toInstant(floorDiv(local, 1000)*1000, zone)
	return []any{us, zone}, nil
}
