package jsonata

import (
	"math"
	"strings"
	"unicode"
)

// datePicture is how a time is written: a picture string of XPath's format-dateTime, cut into parts.
type datePicture []datePart

// datePart is literal text, or a component such as [M01].
type datePart struct {
	literal   string
	component byte // 0 for a literal
	modifier  byte // the second presentation modifier
	named     bool
	names     letterCase
	hasWidth  bool
	maxWidth  float64 // NaN if none
	places    float64 // digits of years, months and days; -1 for all
	integer   *integerPicture
}

var defaultPresentation = map[byte]string{'Y': "1", 'M': "1", 'D': "1", 'd': "1", 'F': "n", 'W': "1", 'w': "1", 'X': "1", 'x': "1", 'H': "1",
	'h': "1", 'P': "n", 'm': "01", 's': "01", 'f': "1", 'Z': "01:01", 'z': "01:01", 'C': "n", 'E': "n"}

func parseDatePicture(picture string) (datePicture, error) {
	var out datePicture
	literal := func(s string) {
		if s != "" {
			out = append(out, datePart{literal: strings.ReplaceAll(s, "]]", "]")})
		}
	}
	start := 0
	for i := 0; i < len(picture); i++ {
		if picture[i] != '[' {
			continue
		}
		literal(picture[start:i])
		if i+1 < len(picture) && picture[i+1] == '[' {
			out = append(out, datePart{literal: "["})
			i++
			start = i + 1
			continue
		}
		end := strings.IndexByte(picture[i:], ']')
		if end < 0 {
			return nil, fail("D3135")
		}
		p, err := parseDatePart(picture[i+1 : i+end])
		if err != nil {
			return nil, err
		}
		out = append(out, p)
		i += end
		start = i + 1
	}
	literal(picture[min(start, len(picture)):])
	return out, nil
}

func parseDatePart(marker string) (p datePart, err error) {
	marker = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == 0xFEFF {
			return -1
		}
		return r
	}, marker)
	p.maxWidth, p.places = math.NaN(), 0
	minWidth := math.NaN()
	component := ""
	presentation := ""
	if marker != "" {
		r := []rune(marker)
		component, presentation = string(r[:1]), string(r[1:])
		if r[0] < 128 {
			p.component = byte(r[0])
		} else {
			p.component = 1
		}
	} else {
		p.component = 1
	}
	hasMin := false
	if comma := strings.LastIndexByte(marker, ','); comma >= 0 {
		p.hasWidth = true
		low, high, ranged := strings.Cut(marker[comma+1:], "-")
		if low != "*" {
			minWidth, hasMin = scriptInt(low), true
		}
		if ranged && high != "*" {
			if p.maxWidth = scriptInt(high); math.IsNaN(p.maxWidth) {
				p.maxWidth = math.Inf(-1) // present, and no number
			}
		}
		if presentation = ","; comma > 0 {
			presentation = marker[len(component):comma]
		}
	}
	runes := []rune(presentation)
	switch {
	case len(runes) == 0:
		d, ok := defaultPresentation[p.component]
		if !ok {
			return p, fail("D3132").val(component)
		}
		presentation = d
	case len(runes) > 1 && strings.ContainsRune("atco", runes[len(runes)-1]):
		p.modifier = byte(runes[len(runes)-1])
		presentation = string(runes[:len(runes)-1])
	}
	return p, p.present(presentation, minWidth, hasMin)
}

// present reads the first presentation modifier: a case of names, or the picture of an integer.
func (p *datePart) present(presentation string, minWidth float64, hasMin bool) (err error) {
	switch {
	case strings.HasPrefix(presentation, "n"):
		p.named = true
	case strings.HasPrefix(presentation, "Nn"):
		p.named, p.names = true, titleCase
	case strings.HasPrefix(presentation, "N"):
		p.named, p.names = true, upperCase
	case strings.IndexByte("YMDdFWwXxHhmsf", p.component) >= 0:
		picture := presentation
		if p.modifier != 0 {
			picture += ";" + string(p.modifier)
		}
		if p.integer, err = parseIntegerPicture(picture); err != nil {
			return err
		}
		if hasMin && p.integer.mandatory < minWidth {
			p.integer.mandatory = minWidth
		}
		if strings.IndexByte("YMD", p.component) >= 0 {
			p.limitPlaces()
		}
	}
	if p.component == 'Z' || p.component == 'z' {
		p.integer, err = parseIntegerPicture(presentation)
	}
	return err
}

func (p *datePart) limitPlaces() {
	p.places = -1
	if p.hasWidth && !math.IsNaN(p.maxWidth) {
		p.places = p.maxWidth
		if math.IsInf(p.places, -1) {
			p.places = math.NaN()
		}
		p.integer.mandatory = p.places
		return
	}
	if p.integer.primary != formDecimal {
		return
	}
	if w := p.integer.mandatory + p.integer.optional; w >= 2 {
		p.places = w
	}
}

var (
	dayNames   = []string{"", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	monthNames = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

// isoPicture is how $fromMillis and $now write without a picture.
const isoPicture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

// formatTime writes a time in milliseconds since 1970, shifted to a zone such as "+0530" if hasZone is set.
func formatTime(millis float64, picture string, zone string, hasZone bool) (string, error) {
	hours, minutes := 0.0, 0.0
	if hasZone {
		offset := scriptInt(zone)
		hours, minutes = math.Floor(offset/100), math.Mod(offset, 100)
	}
	parts, err := parseDatePicture(picture)
	if err != nil {
		return "", err
	}
	t := dateOf(millis + (60*hours+minutes)*60000)
	var b strings.Builder
	for i := range parts {
		if parts[i].component == 0 {
			b.WriteString(parts[i].literal)
			continue
		}
		s, err := parts[i].format(t, hours, minutes)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (p *datePart) format(t date, hours, minutes float64) (string, error) {
	switch {
	case p.component == 'Z' || p.component == 'z':
		return p.formatZone(hours, minutes)
	case p.component == 'P':
		s := "am"
		if t.get('H') >= 12 {
			s = "pm"
		}
		if p.named && p.names == upperCase {
			s = strings.ToUpper(s)
		}
		return s, nil
	case p.component == 'C' || p.component == 'E':
		return "ISO", nil
	case strings.IndexByte("YMDdFWwXxHhmsf", p.component) < 0:
		return "undefined", nil
	}
	v := t.get(p.component)
	if p.component == 'f' {
		if p.integer == nil {
			return "", wrongType(undef)
		}
		return p.integer.format(v)
	}
	if p.component == 'Y' && p.places != -1 && !(p.named && p.places == 0) {
		v = math.Mod(v, math.Pow(10, p.places))
	}
	if !p.named {
		return p.integer.format(v)
	}
	return p.name(v)
}

// name writes a month or a day by name, cut to the greatest width.
func (p *datePart) name(v float64) (string, error) {
	if math.IsNaN(v) && strings.IndexByte("MxF", p.component) >= 0 {
		return "", wrongType(undef)
	}
	var s string
	switch p.component {
	case 'M', 'x':
		s = monthNames[int(v)-1]
	case 'F':
		s = dayNames[int(v)]
	default:
		return "", fail("D3133").val(string(p.component))
	}
	switch p.names {
	case upperCase:
		s = strings.ToUpper(s)
	case lowerCase:
		s = strings.ToLower(s)
	}
	if p.hasWidth && float64(len(s)) > p.maxWidth && !math.IsInf(p.maxWidth, 0) {
		s = s[:int(max(0, p.maxWidth))]
	}
	return s, nil
}

func (p *datePart) formatZone(hours, minutes float64) (s string, err error) {
	offset := hours*100 + minutes
	digits := p.integer.mandatory
	switch {
	case p.integer.regular > 0:
		s, err = p.integer.format(offset)
	case digits == 1 || digits == 2:
		if s, err = p.integer.format(hours); err == nil && minutes != 0 {
			var m string
			m, err = (&integerPicture{zero: '0', mandatory: 2}).format(math.Floor(minutes))
			s += ":" + m
		}
	case digits == 3 || digits == 4:
		s, err = p.integer.format(offset)
	default:
		return "", fail("D3134").val(digits)
	}
	if err != nil {
		return "", err
	}
	if offset >= 0 {
		s = "+" + s
	}
	if p.component == 'z' {
		s = "GMT" + s
	}
	if offset == 0 && p.modifier == 't' {
		s = "Z"
	}
	return s, nil
}
