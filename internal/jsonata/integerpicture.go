package jsonata

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// integerPicture is how an integer is written: a picture string of XPath's format-integer.
type integerPicture struct {
	primary   integerForm
	letters   letterCase
	ordinal   bool
	zero      rune
	mandatory float64 // digits; NaN where a width could not be read
	optional  float64
	regular   int // distance of the grouping separators, 0 if they do not repeat
	groups    []separator
	token     string
	places    float64 // digits to read, from a date picture; 0 for any number
}

type integerForm uint8

const (
	formDecimal integerForm = iota
	formLetters
	formRoman
	formWords
	formSequence // any other: refused
)

type letterCase uint8

const (
	lowerCase letterCase = iota
	upperCase
	titleCase
)

// separator is a grouping separator, digits from the right.
type separator struct {
	position int
	char     string
}

// digitZeroes are the zeroes of the families of decimal digits.
var digitZeroes = []rune{0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
	0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900,
	0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10}

func parseIntegerPicture(picture string) (*integerPicture, error) {
	p := &integerPicture{}
	primary := picture
	if i := strings.LastIndexByte(picture, ';'); i >= 0 {
		primary = picture[:i]
		p.ordinal = strings.HasPrefix(picture[i+1:], "o")
	}
	switch primary {
	case "A", "a":
		p.primary = formLetters
	case "I", "i":
		p.primary = formRoman
	case "W", "w", "Ww":
		p.primary = formWords
	default:
		return p, p.digits(primary)
	}
	switch {
	case primary == "Ww":
		p.letters = titleCase
	case primary[0] < 'a':
		p.letters = upperCase
	}
	return p, nil
}

// digits reads a picture such as #,##0.
func (p *integerPicture) digits(picture string) error {
	position := 0
	runes := []rune(picture)
	slices.Reverse(runes)
	for _, r := range runes {
		zero := rune(0)
		for _, z := range digitZeroes {
			if r >= z && r <= z+9 {
				zero = z
				break
			}
		}
		switch {
		case zero != 0:
			p.mandatory++
			position++
			if p.zero == 0 {
				p.zero = zero
			} else if p.zero != zero {
				return fail("D3131")
			}
		case r == '#':
			position++
			p.optional++
		default:
			p.groups = append(p.groups, separator{position, string(r)})
		}
	}
	if p.mandatory == 0 {
		p.primary, p.token = formSequence, picture
		return nil
	}
	positions := make([]int, len(p.groups))
	for i, g := range p.groups {
		positions[i] = g.position
		if g.char != p.groups[0].char {
			return nil
		}
	}
	p.regular = repeating(positions)
	return nil
}

// repeating returns the distance at which positions repeat without a gap, 0 if they do not.
func repeating(positions []int) int {
	if len(positions) == 0 {
		return 0
	}
	factor := positions[0]
	for _, x := range positions[1:] {
		for a, b := factor, x; ; a, b = b, a%b {
			if b == 0 {
				factor = a
				break
			}
		}
	}
	for i := 1; i <= len(positions); i++ {
		if !slices.Contains(positions, i*factor) {
			return 0
		}
	}
	return factor
}

// format writes an integer.
func (p *integerPicture) format(value float64) (string, error) {
	negative := value < 0
	value = math.Abs(value)
	var out string
	var err error
	switch p.primary {
	case formLetters:
		first := 'a'
		if p.letters == upperCase {
			first = 'A'
		}
		if math.IsInf(value, 0) {
			return "", stackOverflow()
		}
		out = letters(value, first)
	case formRoman:
		if out, err = roman(value); err != nil {
			return "", err
		}
		if p.letters == upperCase {
			out = strings.ToUpper(out)
		}
	case formWords:
		if out, err = words(value, p.ordinal); err != nil {
			return "", err
		}
		switch p.letters {
		case upperCase:
			out = strings.ToUpper(out)
		case lowerCase:
			out = strings.ToLower(out)
		}
	case formSequence:
		return "", fail("D3130").val(p.token)
	default:
		if out, err = p.decimal(value); err != nil {
			return "", err
		}
	}
	if negative {
		out = "-" + out
	}
	return out, nil
}

func (p *integerPicture) decimal(value float64) (string, error) {
	out := numberText(value)
	if missing := p.mandatory - float64(len(out)); missing > 0 {
		if missing > 1e6 {
			return "", scriptError("Invalid array length")
		}
		out = strings.Repeat("0", int(missing)) + out
	}
	chars := []rune(out)
	if p.zero != '0' {
		for i := range chars {
			if chars[i] += p.zero - '0'; chars[i] < 0 || chars[i] > utf8.MaxRune {
				return "", scriptError("Invalid code point %d", chars[i])
			}
		}
	}
	if p.regular > 0 {
		for i := (len(chars) - 1) / p.regular; i > 0; i-- {
			chars = insert(chars, len(chars)-i*p.regular, p.groups[0].char)
		}
	} else {
		for _, g := range slices.Backward(p.groups) {
			chars = insert(chars, len(chars)-g.position, g.char)
		}
	}
	out = string(chars)
	if p.ordinal {
		out += ordinalSuffix(chars)
	}
	return out, nil
}

// insert puts s before the character at i; a negative i counts from the end for what comes before, as JavaScript's substr
// does, and what follows is taken likewise.
func insert(chars []rune, i int, s string) []rune {
	before := chars[:max(0, i)]
	after := chars
	if i >= 0 {
		after = chars[min(i, len(chars)):]
	} else if i > -len(chars) {
		after = chars[len(chars)+i:]
	}
	return slices.Concat(before, []rune(s), after)
}

func ordinalSuffix(chars []rune) string {
	n := len(chars)
	if n > 1 && chars[n-2] == '1' {
		return "th"
	}
	switch chars[n-1] {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}

func formatIntegerFn(_ *call, args []any) (any, error) {
	v, ok, err := num(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	picture, ok, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, wrongType(undef)
	}
	p, err := parseIntegerPicture(picture)
	if err != nil {
		return nil, err
	}
	s, err := p.format(math.Floor(v))
	if err != nil {
		return nil, err
	}
	return s, nil
}

func parseIntegerFn(_ *call, args []any) (any, error) {
	s, ok, err := text(args, 0)
	if err != nil || !ok {
		return undef, err
	}
	picture, ok, err := text(args, 1)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, wrongType(undef)
	}
	p, err := parseIntegerPicture(picture)
	if err != nil {
		return nil, err
	}
	if p.primary == formSequence {
		return nil, fail("D3130").val(p.token)
	}
	f, err := p.parse(s)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// parse reads an integer in the form of the picture: NaN if it is not one.
func (p *integerPicture) parse(s string) (float64, error) {
	switch p.primary {
	case formLetters:
		first := 'a'
		if p.letters == upperCase {
			first = 'A'
		}
		return fromLetters(s, first), nil
	case formRoman:
		if p.letters != upperCase {
			s = upper(s)
		}
		return fromRoman(s), nil
	case formWords:
		return fromWords(lower(s)), nil
	}
	if p.ordinal {
		s = s[:max(0, len(s)-2)]
	}
	if p.regular > 0 {
		s = strings.ReplaceAll(s, ",", "")
	} else {
		for _, g := range p.groups {
			s = strings.ReplaceAll(s, g.char, "")
		}
	}
	if p.zero != '0' {
		digits := []rune(s)
		for i := range digits {
			if digits[i] += '0' - p.zero; digits[i] < 0 {
				return 0, scriptError("Invalid code point %d", digits[i])
			}
		}
		s = string(digits)
	}
	return scriptInt(s), nil
}

// pattern is the regular expression that finds the integer in a timestamp.
func (p *integerPicture) pattern() (string, error) {
	occurrences := "+"
	if p.places > 0 {
		occurrences = "{" + numberText(p.places) + "}"
		if p.optional > 0 {
			occurrences = "{" + numberText(p.places-p.optional) + "," + numberText(p.places) + "}"
		}
	}
	switch p.primary {
	case formLetters:
		if p.letters == upperCase {
			return "[A-Z]+", nil
		}
		return "[a-z]+", nil
	case formRoman:
		if p.letters == upperCase {
			return "[MDCLXVI]+", nil
		}
		return "[mdclxvi]+", nil
	case formWords:
		return "(?:" + strings.Join(numberWords(), "|") + "|and|[\\-, ])+", nil
	case formSequence:
		return "", fail("D3130").val(p.token)
	}
	if p.ordinal {
		return "[0-9]" + occurrences + "(?:th|st|nd|rd)", nil
	}
	return "[0-9]" + occurrences, nil
}
