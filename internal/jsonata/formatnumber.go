package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// symbols are the characters of number pictures, those of XPath's decimal formats.
type symbols struct {
	decimal, grouping, exponent, minus, percent, perMille, zero, digit, separator string

	family []string // the ten digits
}

func newSymbols(options *jsonvalue.Object) (*symbols, error) {
	s := &symbols{decimal: ".", grouping: ",", exponent: "e", minus: "-", percent: "%", perMille: "\u2030", zero: "0", digit: "#", separator: ";"}
	if options != nil {
		for name, field := range map[string]*string{"decimal-separator": &s.decimal, "grouping-separator": &s.grouping, "exponent-separator": &s.exponent,
			"minus-sign": &s.minus, "percent": &s.percent, "per-mille": &s.perMille, "zero-digit": &s.zero, "digit": &s.digit, "pattern-separator": &s.separator} {
			v, ok := options.Get(name)
			if !ok {
				continue
			}
			t, ok := norm(v).(string)
			if !ok {
				return nil, wrongType(norm(v))
			}
			*field = t
		}
	}
	if s.zero != "" {
		zero := []rune(s.zero)[0]
		for i := range rune(10) {
			s.family = append(s.family, string(zero+i))
		}
	}
	return s, nil
}

func (s *symbols) isDigit(c string) bool { return slices.Contains(s.family, c) }

func (s *symbols) isActive(c string) bool {
	return s.isDigit(c) || c == s.decimal || c == s.exponent || c == s.grouping || c == s.digit || c == s.separator
}

// count returns how many digits there are, optional ones too if asked.
func (s *symbols) count(part string, optional bool) int {
	n := 0
	for _, r := range part {
		if c := string(r); s.isDigit(c) || optional && c == s.digit {
			n++
		}
	}
	return n
}

// subPicture is a picture for numbers of one sign.
type subPicture struct {
	picture, prefix, suffix, active, mantissa, exponent, integer, fraction string

	hasExponent       bool
	groups            []int // grouping positions of the integer, digits from the right
	regular           int
	fractionGroups    []int
	minInteger, scale int
	minFraction       int
	maxFraction       int
	minExponent       int
}

func (s *symbols) parse(picture string) (*subPicture, error) {
	p := &subPicture{picture: picture}
	first, last := -1, -1
	for i, r := range picture {
		if c := string(r); s.isActive(c) && c != s.exponent {
			if first < 0 {
				first = i
			}
			last = i + len(c)
		}
	}
	if first < 0 {
		return nil, scriptError("Cannot read properties of undefined (reading 'length')")
	}
	p.prefix, p.suffix, p.active = picture[:first], picture[last:], picture[first:last]
	p.mantissa = p.active
	if s.exponent != "" {
		if i := strings.Index(picture[first:], s.exponent); i >= 0 && first+i <= last {
			// the library takes the place in the whole picture for one behind the prefix
			at := utf8.RuneCountInString(picture[:first+i])
			p.mantissa, p.exponent, p.hasExponent = cutRunes(p.active, at)
		}
	}
	p.integer, p.fraction = p.mantissa, p.suffix
	if i := strings.Index(p.mantissa, s.decimal); i >= 0 {
		p.integer, p.fraction, _ = cutRunes(p.mantissa, utf8.RuneCountInString(p.mantissa[:i]))
	}
	if code := s.check(p); code != "" {
		return nil, fail(code)
	}
	s.analyse(p)
	return p, nil
}

// cutRunes cuts s at its character i, which is in neither part.
func cutRunes(s string, i int) (before, after string, ok bool) {
	r := []rune(s)
	i = min(i, len(r))
	return string(r[:i]), string(r[min(i+1, len(r)):]), true
}

// check returns the code of what is wrong with a picture: of several faults the last in this order.
func (s *symbols) check(p *subPicture) (code string) {
	twice := func(c string) bool { return strings.Index(p.picture, c) != strings.LastIndex(p.picture, c) }
	has := func(c string) bool { return strings.Contains(p.picture, c) }
	if twice(s.decimal) {
		code = "D3081"
	}
	if twice(s.percent) {
		code = "D3082"
	}
	if twice(s.perMille) {
		code = "D3083"
	}
	if has(s.percent) && has(s.perMille) {
		code = "D3084"
	}
	if s.count(p.mantissa, true) == 0 {
		code = "D3085"
	}
	for _, r := range p.active {
		if !s.isActive(string(r)) {
			code = "D3086"
		}
	}
	if i := strings.Index(p.picture, s.decimal); i >= 0 {
		before, after := p.picture[:i], strings.TrimPrefix(p.picture[i:], s.decimal)
		if before != "" && strings.HasSuffix(before, s.grouping) || strings.HasPrefix(after, s.grouping) {
			code = "D3087"
		}
	} else if p.integer != "" && strings.HasSuffix(p.integer, s.grouping) {
		code = "D3088"
	}
	if has(s.grouping + s.grouping) {
		code = "D3089"
	}
	if i := strings.Index(p.integer, s.digit); i >= 0 && s.count(p.integer[:i], false) > 0 {
		code = "D3090"
	}
	if i := strings.LastIndex(p.fraction, s.digit); i >= 0 && s.count(p.fraction[i:], false) > 0 {
		code = "D3091"
	}
	if p.hasExponent {
		if p.exponent != "" && (has(s.percent) || has(s.perMille)) {
			code = "D3092"
		}
		if p.exponent == "" || s.count(p.exponent, false) != len([]rune(p.exponent)) {
			code = "D3093"
		}
	}
	return code
}

func (s *symbols) analyse(p *subPicture) {
	positions := func(part string, left bool) (out []int) {
		i := strings.Index(part, s.grouping)
		for i >= 0 && s.grouping != "" {
			i = min(i, len(part))
			if left {
				out = append(out, s.count(part[:i], true))
			} else {
				out = append(out, s.count(part[i:], true))
			}
			// the library looks for the next one in the integer, whichever part it is at
			from := min(len(p.integer), i+len(s.grouping))
			next := strings.Index(p.integer[from:], s.grouping)
			if next < 0 {
				break
			}
			i = from + next
		}
		return out
	}
	p.groups = positions(p.integer, false)
	p.regular = repeating(p.groups)
	p.fractionGroups = positions(p.fraction, true)
	p.minInteger = s.count(p.integer, false)
	p.scale = p.minInteger
	p.minFraction, p.maxFraction = s.count(p.fraction, false), s.count(p.fraction, true)
	if p.minInteger == 0 && p.maxFraction == 0 {
		if p.hasExponent {
			p.minFraction, p.maxFraction = 1, 1
		} else {
			p.minInteger = 1
		}
	}
	if p.hasExponent && p.minInteger == 0 && strings.Contains(p.integer, s.digit) {
		p.minInteger = 1
	}
	if p.minInteger == 0 && p.minFraction == 0 {
		p.minFraction = 1
	}
	if p.hasExponent {
		p.minExponent = s.count(p.exponent, false)
	}
}

func formatNumber(c *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	picture, ok, err := text(args, 1)
	if err != nil || !ok {
		return nil, scriptError("Cannot read properties of undefined (reading 'split')")
	}
	options, _ := argument(args, 2).(*jsonvalue.Object)
	s, err := newSymbols(options)
	if err != nil {
		return nil, err
	}
	pictures := strings.Split(picture, s.separator)
	if len(pictures) > 2 {
		return nil, fail("D3080")
	}
	var subs []*subPicture
	for _, x := range pictures {
		p, err := s.parse(x)
		if err != nil {
			return nil, err
		}
		subs = append(subs, p)
	}
	if len(subs) == 1 {
		negative := *subs[0]
		negative.prefix = s.minus + negative.prefix
		subs = append(subs, &negative)
	}
	p := subs[1]
	if v >= 0 {
		p = subs[0]
	}
	return s.format(p, v)
}

// digits writes the absolute value with so many decimal places in the picture's digits.
func (s *symbols) digits(v float64, places int) (string, error) {
	if places > 100 {
		return "", scriptError("toFixed() digits argument must be between 0 and 100")
	}
	v = math.Abs(v)
	out := numberText(v)
	if v < 1e21 {
		out = strconv.FormatFloat(v, 'f', places, 64)
	}
	if s.zero == "0" {
		return out, nil
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' && s.family != nil {
			return []rune(s.family[r-'0'])[0]
		}
		return r
	}, out), nil
}

func (s *symbols) format(p *subPicture, v float64) (any, error) {
	if strings.Contains(p.picture, s.percent) {
		v *= 100
	} else if strings.Contains(p.picture, s.perMille) {
		v *= 1000
	}
	exponent := 0.0
	if p.minExponent > 0 {
		if v <= 0 || math.IsInf(v, 0) {
			return nil, timeout() // the library scales it without end
		}
		most, least := math.Pow(10, float64(p.scale)), math.Pow(10, float64(p.scale-1))
		for ; v < least; exponent-- {
			v *= 10
		}
		for ; v > most; exponent++ {
			v /= 10
		}
	}
	out, err := s.digits(round(v, float64(p.maxFraction)), p.maxFraction)
	if err != nil {
		return nil, err
	}
	if i := strings.IndexByte(out, '.'); i >= 0 {
		out = out[:i] + s.decimal + out[i+1:]
	} else {
		out += s.decimal
	}
	if s.zero != "" {
		for strings.HasPrefix(out, s.zero) {
			out = out[len(s.zero):]
		}
		for strings.HasSuffix(out, s.zero) {
			out = out[:len(out)-len(s.zero)]
		}
	}
	chars := []rune(out)
	point := func() int { return len([]rune(string(chars))) - len([]rune(afterFirst(string(chars), s.decimal))) }
	at := point()
	left, right := p.minInteger-at, p.minFraction-(len(chars)-at-1)
	chars = []rune(strings.Repeat(s.zero, max(0, left)) + out + strings.Repeat(s.zero, max(0, right)))
	at = point()
	if p.regular > 0 {
		for i := 1; i <= floorDiv(at-1, p.regular); i++ {
			chars = slicedInsert(chars, at-i*p.regular, s.grouping)
		}
	} else {
		for _, g := range p.groups {
			chars = slicedInsert(chars, at-g, s.grouping)
			at++
		}
	}
	at = point()
	for _, g := range p.fractionGroups {
		chars = slicedInsert(chars, g+at+1, s.grouping)
	}
	at = point()
	if !strings.Contains(p.picture, s.decimal) || at == len(chars)-1 {
		chars = chars[:max(0, len(chars)-1)]
	}
	out = string(chars)
	if p.minExponent > 0 {
		e, err := s.digits(exponent, 0)
		if err != nil {
			return nil, err
		}
		sign := ""
		if exponent < 0 {
			sign = s.minus
		}
		out += s.exponent + sign + strings.Repeat(s.zero, max(0, p.minExponent-len([]rune(e)))) + e
	}
	return p.prefix + out + p.suffix, nil
}

func floorDiv(a, b int) int { return int(math.Floor(float64(a) / float64(b))) }

// afterFirst returns s from the first occurrence of sub on; one character more than s where there is none.
func afterFirst(s, sub string) string {
	if i := strings.Index(s, sub); i >= 0 {
		return s[i:]
	}
	return s + " "
}

// slicedInsert puts s before the character at i; a negative i counts from the end, as JavaScript's slice does.
func slicedInsert(chars []rune, i int, s string) []rune {
	if i < 0 {
		i = max(0, len(chars)+i)
	}
	i = min(i, len(chars))
	return slices.Concat(chars[:i], []rune(s), chars[i:])
}
