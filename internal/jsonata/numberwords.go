package jsonata

import (
	"math"
	"regexp"
	"strings"
)

var (
	smallWords = []string{"Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve", "Thirteen",
		"Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"}
	smallOrdinals = []string{"Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Eleventh",
		"Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"}
	tens       = []string{"Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety", "Hundred"}
	magnitudes = []string{"Thousand", "Million", "Billion", "Trillion"}
)

// words writes an integer in English words.
func words(value float64, ordinal bool) (string, error) {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return "", stackOverflow()
	}
	return inWords(value, false, ordinal), nil
}

func inWords(n float64, follows, ordinal bool) string {
	joint := func(s string) string {
		if follows {
			return s
		}
		return ""
	}
	switch {
	case n <= 19:
		if ordinal {
			return joint(" and ") + smallOrdinals[int(n)]
		}
		return joint(" and ") + smallWords[int(n)]
	case n < 100:
		out := joint(" and ") + tens[int(n/10)-2]
		if rest := math.Mod(n, 10); rest > 0 {
			return out + "-" + inWords(rest, false, ordinal)
		}
		if ordinal {
			return out[:len(out)-1] + "ieth"
		}
		return out
	}
	word, unit := "Hundred", 100.0
	if n >= 1000 {
		magnitude := min(int(math.Floor(math.Log10(n)/3)), len(magnitudes))
		word, unit = magnitudes[magnitude-1], math.Pow(10, float64(magnitude*3))
	}
	count := math.Floor(n / unit)
	rest := n - count*unit
	out := joint(", ") + inWords(count, false, false) + " " + word
	switch {
	case rest > 0:
		out += inWords(rest, true, ordinal)
	case ordinal:
		out += "th"
	}
	return out
}

// wordValues returns the words of numbers, in lower case, in the order in which a pattern tries them, and their values.
func wordValues() (order []string, values map[string]float64) {
	values = map[string]float64{}
	add := func(word string, v float64) {
		if _, ok := values[word]; !ok {
			order = append(order, word)
		}
		values[word] = v
	}
	for i, w := range smallWords {
		add(strings.ToLower(w), float64(i))
	}
	for i, w := range smallOrdinals {
		add(strings.ToLower(w), float64(i))
	}
	for i, w := range tens {
		w = strings.ToLower(w)
		add(w, float64(i+2)*10)
		add(w[:len(w)-1]+"ieth", float64(i+2)*10)
	}
	add("hundredth", 100)
	for i, w := range magnitudes {
		w = strings.ToLower(w)
		add(w, math.Pow(10, float64(i+1)*3))
		add(w+"th", math.Pow(10, float64(i+1)*3))
	}
	return order, values
}

func numberWords() []string {
	order, _ := wordValues()
	return order
}

var wordBreak = regexp.MustCompile(`,\s|\sand\s|[\s\\-]`)

// fromWords reads an integer in English words; NaN if a word is none of a number.
func fromWords(s string) float64 {
	_, values := wordValues()
	segments := []float64{0}
	for _, part := range wordBreak.Split(s, -1) {
		v, ok := values[part]
		last := len(segments) - 1
		switch {
		case !ok:
			segments[last] = math.NaN()
		case v >= 100:
			segments[last] *= v
		case segments[last] >= 1000:
			segments = append(segments, v)
		default:
			segments[last] += v
		}
	}
	sum := 0.0
	for _, s := range segments {
		sum += s
	}
	return sum
}

var romanNumerals = []struct {
	value   float64
	letters string
}{{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}}

func roman(value float64) (string, error) {
	if value > 5e6 {
		return "", stackOverflow()
	}
	var b strings.Builder
	for _, n := range romanNumerals {
		for value >= n.value {
			b.WriteString(n.letters)
			value -= n.value
		}
	}
	return b.String(), nil
}

func fromRoman(s string) float64 {
	values := map[byte]float64{'M': 1000, 'D': 500, 'C': 100, 'L': 50, 'X': 10, 'V': 5, 'I': 1}
	sum, most := 0.0, 1.0
	for i := len(s) - 1; i >= 0; i-- {
		v, ok := values[s[i]]
		switch {
		case !ok:
			return math.NaN()
		case v < most:
			sum -= v
		default:
			most = v
			sum += v
		}
	}
	return sum
}

// letters counts a, b … z, aa, ab …
func letters(value float64, first rune) string {
	var out []rune
	for value > 0 {
		out = append([]rune{rune(math.Mod(value-1, 26)) + first}, out...)
		value = math.Floor((value - 1) / 26)
	}
	return string(out)
}

func fromLetters(s string, first rune) float64 {
	sum, runes := 0.0, []rune(s)
	for i := range runes {
		sum += float64(runes[len(runes)-1-i]-first+1) * math.Pow(26, float64(i))
	}
	return sum
}
