package awsgen

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
)

var (
	// A pair of UTF-16 surrogates that bounds a range beyond the basic plane, which Java's patterns spell in halves.
	surrogateRange = regexp.MustCompile(`(?i)\\uD800\\uDC00-\\uDBFF\\uDFFF`)
	unicodeEscape  = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)
	possessive     = regexp.MustCompile(`([*+?}])\+`)
	classes        = strings.NewReplacer(
		`\p{Alnum}`, `a-zA-Z0-9`, `\p{Alpha}`, `a-zA-Z`, `\p{Digit}`, `0-9`, `\p{Lower}`, `a-z`, `\p{Upper}`, `A-Z`, `\p{Space}`, `\s`,
		`\p{Punct}`, "!-/:-@\\[-`{-~", `\p{Print}`, ` -~`, `\p{Graph}`, `!-~`, `\p{ASCII}`, `\x00-\x7F`, `\p{XDigit}`, `0-9A-Fa-f`, `\p{Cntrl}`, `\x00-\x1F\x7F`,
		`\p{IsLetter}`, `\p{L}`, `\p{IsDigit}`, `\p{Nd}`, `\p{IsWhitespace}`, `\s`, `\p{IsPunctuation}`, `\p{P}`, `\Z`, `\z`,
	)
	classOutside = regexp.MustCompile(`\\p\{(?:Alnum|Alpha|Digit|Lower|Upper|Punct|Print|Graph|ASCII|XDigit|Cntrl)\}`)
)

// translate turns a pattern of Java's syntax into one for RE2, or for a backtracking engine where it looks around or
// repeats more often than RE2 allows.
func translate(src string) (*model.Pattern, error) {
	expr := surrogateRange.ReplaceAllString(src, `\x{10000}-\x{10FFFF}`)
	expr = inClass(expr)
	expr = classes.Replace(expr)
	re2 := unicodeEscape.ReplaceAllString(expr, `\x{$1}`)
	// Without backtracking a possessive quantifier matches what a greedy one does, unless what follows could match the
	// same characters; no model relies on that.
	re2 = outsideClass(re2, func(s string) string { return possessive.ReplaceAllString(s, `$1`) })
	p := &model.Pattern{Source: src, Expr: re2}
	if p.Compile() == nil {
		return p, nil
	}
	// The backtracking engine works on runes and has no \x{…}: characters stand for themselves.
	bt := outsideClass(expr, func(s string) string { return possessive.ReplaceAllString(s, `$1`) })
	bt = strings.ReplaceAll(bt, `\x{10000}-\x{10FFFF}`, "\U00010000-\U0010FFFF")
	p = &model.Pattern{Source: src, Expr: bt, Backtrack: true}
	if err := p.Compile(); err != nil {
		return nil, fmt.Errorf("pattern %q cannot be compiled: %w", src, err)
	}
	return p, nil
}

// inClass puts brackets around POSIX classes that stand outside of them, so that they can be spelled as ranges.
func inClass(s string) string {
	return outsideClass(s, func(part string) string {
		return classOutside.ReplaceAllStringFunc(part, func(c string) string { return "[" + c + "]" })
	})
}

// outsideClass applies f to the parts of s that are not in a bracketed class.
func outsideClass(s string, f func(string) string) string {
	var out strings.Builder
	start, in := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case !in && s[i] == '[':
			out.WriteString(f(s[start:i]))
			start, in = i, true
		case in && s[i] == ']':
			out.WriteString(s[start : i+1])
			start, in = i+1, false
		}
	}
	if in {
		out.WriteString(s[start:])
	} else {
		out.WriteString(f(s[start:]))
	}
	return out.String()
}
