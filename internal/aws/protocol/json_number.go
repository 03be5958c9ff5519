package protocol

import (
	"fmt"
	"math"
	"strconv"
)

// span returns the text of a number; plain is set where it has neither fraction nor exponent.
func (d *jsonDec) span(want string) (text []byte, plain bool, err error) {
	start := d.i
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		return nil, false, d.mismatch(want)
	}
	digits := func() int {
		n := d.i
		for d.i < len(d.b) && d.b[d.i] >= '0' && d.b[d.i] <= '9' {
			d.i++
		}
		return d.i - n
	}
	if d.peek() == '-' {
		d.i++
	}
	lead := d.peek()
	if n := digits(); n == 0 || n > 1 && lead == '0' {
		return nil, false, d.fail("number")
	}
	plain = true
	if d.peek() == '.' {
		d.i++
		plain = false
		if digits() == 0 {
			return nil, false, d.fail("number")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.i++
		plain = false
		if c := d.peek(); c == '+' || c == '-' {
			d.i++
		}
		if digits() == 0 {
			return nil, false, d.fail("number")
		}
	}
	return d.b[start:d.i], plain, nil
}

// integer reads a whole number exactly; 1.0 and 1e3 are whole.
func (d *jsonDec) integer(is32 bool) (int64, error) {
	name := "Long"
	if is32 {
		name = "Integer"
	}
	text, plain, err := d.span(name)
	if err != nil {
		return 0, err
	}
	out := func() error { return fmt.Errorf("%w: %s can not be converted to %s", errSyntax, text, name) }
	var n int64
	if plain {
		if n, err = strconv.ParseInt(string(text), 10, 64); err != nil {
			return 0, out()
		}
	} else {
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return 0, out()
		}
		n = int64(f)
	}
	if is32 && n != int64(int32(n)) {
		return 0, out()
	}
	return n, nil
}

func (d *jsonDec) number() (float64, error) {
	if d.peek() == '"' { // "NaN", "Infinity", "-Infinity"
		x, err := d.str()
		if err != nil {
			return 0, err
		}
		switch string(x) {
		case "NaN", "Infinity", "-Infinity": // no member has a use for them, and nothing could keep them
			return 0, fmt.Errorf("%w: %s is not a number that can be given here", errSyntax, x)
		}
		return 0, fmt.Errorf("%w: STRING_VALUE can not be converted to Double", errSyntax)
	}
	text, _, err := d.span("Double")
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s can not be converted to Double", errSyntax, text)
	}
	return f, nil
}
