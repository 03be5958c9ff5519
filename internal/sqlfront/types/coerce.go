package types

var integerDigits = map[Base]int{TinyInt: 3, SmallInt: 5, Integer: 10, BigInt: 19}

// AsDecimal returns the decimal type that holds every value of an integer type; a decimal is returned as it is.
func AsDecimal(t Type) Type {
	if d, ok := integerDigits[t.Base]; ok {
		return DecimalOf(d, 0)
	}
	return t
}

var numericRank = map[Base]int{TinyInt: 1, SmallInt: 2, Integer: 3, BigInt: 4, Decimal: 5, Real: 6, Double: 7}

// Common returns the type that both a and b are coerced to where they must agree, and whether there is one.
func Common(a, b Type) (Type, bool) {
	if a.Equal(b) {
		return a, true
	}
	if a.Base == Unknown {
		return b, true
	}
	if b.Base == Unknown {
		return a, true
	}
	if a.Base == b.Base {
		return commonSame(a, b)
	}
	if ra, rb := numericRank[a.Base], numericRank[b.Base]; ra > 0 && rb > 0 {
		if ra > rb {
			a, b = b, a
		}
		if b.Base == Decimal {
			return commonDecimal(AsDecimal(a), b), true
		}
		return b, true
	}
	pair := func(x, y Base) bool { return a.Base == x && b.Base == y || a.Base == y && b.Base == x }
	pick := func(base Base) Type {
		if a.Base == base {
			return a
		}
		return b
	}
	switch {
	case pair(Varchar, Char):
		v, c := pick(Varchar), pick(Char)
		return With(Char, min(max(v.P, c.P), 65536)), true
	case pair(Date, Timestamp):
		return pick(Timestamp), true
	case pair(Date, TimestampTZ):
		return pick(TimestampTZ), true
	case pair(Timestamp, TimestampTZ):
		return With(TimestampTZ, max(a.P, b.P)), true
	case pair(Time, TimeTZ):
		return With(TimeTZ, max(a.P, b.P)), true
	}
	return Type{}, false
}

func commonDecimal(a, b Type) Type {
	scale := max(a.S, b.S)
	whole := max(a.P-a.S, b.P-b.S)
	return DecimalOf(min(MaxDecimal, whole+scale), scale)
}

func commonSame(a, b Type) (Type, bool) {
	switch a.Base {
	case Decimal:
		return commonDecimal(a, b), true
	case Varchar, Char, Time, TimeTZ, Timestamp, TimestampTZ:
		return With(a.Base, max(a.P, b.P)), true
	case Array, Map, Row:
		if len(a.Args) != len(b.Args) {
			return Type{}, false
		}
		out := Type{Base: a.Base, Args: make([]Type, len(a.Args))}
		for i := range a.Args {
			c, ok := Common(a.Args[i], b.Args[i])
			if !ok {
				return Type{}, false
			}
			out.Args[i] = c
		}
		if a.Base == Row {
			out.Names = make([]string, len(a.Args))
			for i := range a.Names {
				if a.Names[i] == b.Names[i] {
					out.Names[i] = a.Names[i]
				}
			}
		}
		return out, true
	}
	return a, len(a.Args) == 0 && len(b.Args) == 0
}

// Coercible tells whether a value of from becomes one of to without a CAST.
func Coercible(from, to Type) bool {
	if from.Equal(to) || from.Base == Unknown {
		return true
	}
	switch to.Base {
	case JoniRegexp, JSONPath, CodePoints:
		return from.Base == Varchar || to.Base != CodePoints && from.Base == Char
	case Row, Array, Map, Function:
		if from.Base != to.Base || len(from.Args) != len(to.Args) {
			return false
		}
		for i := range from.Args {
			if !Coercible(from.Args[i], to.Args[i]) {
				return false
			}
		}
		return true
	}
	c, ok := Common(from, to)
	if !ok {
		return false
	}
	if from.Base == Varchar && to.Base == Char {
		return min(from.P, 65536) <= to.P
	}
	return c.Equal(to)
}
