package jsonata

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

func timeFunctions() []builtin {
	return []builtin{
		{name: "toMillis", sig: sig("<s-s?:n>"), arity: 2, fn: toMillis},
		{name: "fromMillis", sig: sig("<n-s?s?:s>"), arity: 3, fn: fromMillis},
		{name: "now", sig: sig("<s?s?:s>"), arity: 2, fn: func(c *call, args []any) (any, error) {
			return formatWith(c.ev.millis(), args, 0)
		}},
		{name: "millis", sig: sig("<:n>"), fn: func(c *call, _ []any) (any, error) { return c.ev.millis(), nil }},
	}
}

func fromMillis(_ *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	return formatWith(v, args, 1)
}

// formatWith formats a time with the picture and the zone in the arguments from i on.
func formatWith(millis float64, args []any, i int) (any, error) {
	picture, ok, err := text(args, i)
	if err != nil {
		return nil, err
	}
	if !ok {
		picture = isoPicture
	}
	zone, hasZone, err := text(args, i+1)
	if err != nil {
		return nil, err
	}
	s, err := formatTime(millis, picture, zone, hasZone)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func toMillis(c *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	picture, ok, err := text(args, 1)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return c.parseTime(s, picture)
	case !isoTime.MatchString(s):
		return nil, fail("D3110").val(s)
	}
	return parseISO(s), nil
}

var (
	isoTime  = regexp.MustCompile(`^\d{4}(-[01]\d)*(-[0-3]\d)*(T[0-2]\d:[0-5]\d:[0-5]\d)*(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?$`)
	isoParts = regexp.MustCompile(`^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?)?$`)
)

// parseISO reads a timestamp as JavaScript's Date.parse does: NaN if it is none. Without a zone it is in UTC.
func parseISO(s string) float64 {
	m := isoParts.FindStringSubmatch(s)
	if m == nil {
		return math.NaN()
	}
	part := func(i int, otherwise float64) float64 {
		if m[i] == "" {
			return otherwise
		}
		f, _ := strconv.ParseFloat(m[i], 64)
		return f
	}
	year, month, day := part(1, 0), part(2, 1), part(3, 1)
	hour, minute, second := part(4, 0), part(5, 0), part(6, 0)
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || hour == 24 && minute+second > 0 {
		return math.NaN()
	}
	millis, _ := strconv.ParseFloat((m[7] + "000")[:3], 64)
	// years below 100 are not meant as those of the twentieth century here
	t := utc(year+400, month-1, day, hour, minute, second, millis) - 146097*dayMillis
	if zone := strings.Replace(m[8], ":", "", 1); len(zone) == 5 {
		h, _ := strconv.ParseFloat(zone[1:3], 64)
		mm, _ := strconv.ParseFloat(zone[3:], 64)
		if zone[0] == '-' {
			h, mm = -h, -mm
		}
		t -= (h*60 + mm) * 60000
	}
	return t
}

// part returns the pattern that finds a part of a date picture in a timestamp.
func (p *datePart) pattern() (string, error) {
	switch {
	case p.component == 0:
		return regexp.QuoteMeta(p.literal), nil
	case p.component == 'Z' || p.component == 'z':
		s := "[-+][0-9]+"
		if p.component == 'z' {
			s = "GMT" + s
		}
		if p.integer.regular > 0 {
			s += p.integer.groups[0].char + "[0-9]+"
		}
		return s, nil
	case p.integer != nil:
		p.integer.places = p.places
		return p.integer.pattern()
	case strings.IndexByte("MxFP", p.component) < 0:
		return "", fail("D3133").val(string(p.component))
	}
	return "[a-zA-Z]+", nil
}

// parse reads the text of a part; undef if it is not one of the names.
func (p *datePart) parse(s string) (any, error) {
	switch {
	case p.component == 'Z' || p.component == 'z':
		return p.parseZone(s), nil
	case p.integer != nil:
		return p.integer.parse(s)
	case p.component == 'P':
		switch s {
		case "am", "AM":
			return 0.0, nil
		case "pm", "PM":
			return 1.0, nil
		}
		return undef, nil
	}
	names, first := monthNames, 1
	if p.component == 'F' {
		names, first = dayNames, 0
	}
	found := any(undef)
	for i, name := range names {
		if p.hasWidth && p.maxWidth > 0 {
			name = name[:min(len(name), int(p.maxWidth))]
		}
		if name != "" && name == s {
			found = float64(i + first)
		}
	}
	return found, nil
}

func (p *datePart) parseZone(s string) float64 {
	if p.component == 'z' {
		s = s[3:]
	}
	hours, minutes := s, "0"
	switch {
	case p.integer.regular > 0:
		var ok bool
		if hours, minutes, ok = strings.Cut(s, p.integer.groups[0].char); !ok {
			return math.NaN()
		}
	case len(s) > 3:
		hours, minutes = s[:3], s[3:]
	}
	return scriptInt(hours)*60 + scriptInt(minutes)
}

// parseTime reads a timestamp by a picture; undef if it does not match.
func (c *call) parseTime(s, picture string) (any, error) {
	parts, err := parseDatePicture(picture)
	if err != nil {
		return nil, err
	}
	var pattern strings.Builder
	pattern.WriteByte('^')
	for i := range parts {
		p, err := parts[i].pattern()
		if err != nil {
			return nil, err
		}
		pattern.WriteString("(" + p + ")")
	}
	re, err := compileRegex(pattern.String()+"$", "i")
	if err != nil {
		return nil, err
	}
	m, err := re.find(newSubject(s), 0)
	if err != nil || m == nil {
		return undef, err
	}
	x := components{}
	for i := range parts {
		if g, ok := argument(m.groups, i).(string); ok && parts[i].component != 0 {
			if x[parts[i].component], err = parts[i].parse(g); err != nil {
				return nil, err
			}
		}
	}
	if len(x) == 0 {
		return undef, nil
	}
	return x.millis(dateOf(c.ev.millis()))
}

// components are what a timestamp says, by component letter.
type components map[byte]any

func (x components) num(c byte) float64 {
	if f, ok := x[c].(float64); ok {
		return f
	}
	return math.NaN()
}

// mask has a bit for each of the letters whose component is there and not 0.
func (x components) mask(letters string) (mask int) {
	for i := range len(letters) {
		mask <<= 1
		if v, ok := x[letters[i]]; ok && scriptTruth(v) {
			mask |= 1
		}
	}
	return mask
}

// millis makes a time of the components. What is missing before the first that is there comes from now, what is missing
// behind it is the least; a gap is an error.
func (x components) millis(now date) (any, error) {
	within := func(kind, mask int) bool { return mask&^kind == 0 && mask&kind != 0 }
	dates := x.mask("YXMxWwdD")
	const calendar, dayOfYear, weekOfMonth, weekOfYear = 0b10100001, 0b10000010, 0b01010100, 0b01001000
	isCalendar := within(calendar, dates)
	byDay := !isCalendar && within(dayOfYear, dates)
	byMonthWeek := within(weekOfMonth, dates)
	byYearWeek := !byMonthWeek && within(weekOfYear, dates)
	times := x.mask("PHhmsf")
	halfDay := !within(0b010111, times) && within(0b101111, times)
	order := "YMD"
	switch {
	case byDay:
		order = "YD"
	case byMonthWeek:
		order = "XxwF"
	case byYearWeek:
		order = "XWF"
	}
	if halfDay {
		order += "Phmsf"
	} else {
		order += "Hmsf"
	}
	started, ended := false, false
	for i := range len(order) {
		c := order[i]
		if v, ok := x[c]; ok && !isUndef(v) {
			if started = true; ended {
				return nil, fail("D3136")
			}
			continue
		}
		switch {
		case !started:
			if x[c] = now.get(c); c == 'P' {
				x[c] = undef
			}
		case c == 'M' || c == 'D' || c == 'd':
			x[c], ended = 1.0, true
		default:
			x[c], ended = 0.0, true
		}
	}
	if m := x.num('M'); m > 0 {
		x['M'] = m - 1
	} else {
		x['M'] = 0.0
	}
	if byDay {
		d := dateOf(utc(x.num('Y'), 0, 1) + (x.num('d')-1)*dayMillis)
		x['M'], x['D'] = d.get('M')-1, d.get('D')
	}
	if byMonthWeek || byYearWeek {
		return nil, fail("D3136")
	}
	if halfDay {
		h := x.num('h')
		if h == 12 {
			h = 0
		}
		if x['P'] == 1.0 {
			h += 12
		}
		x['H'] = h
	}
	t := utc(x.num('Y'), x.num('M'), x.num('D'), x.num('H'), x.num('m'), x.num('s'), x.num('f'))
	zone := x['Z']
	if z, ok := zone.(float64); !ok || z == 0 || math.IsNaN(z) {
		zone = x['z']
	}
	if z, ok := zone.(float64); ok && z != 0 && !math.IsNaN(z) {
		t -= z * 60000
	}
	return t, nil
}
