package jsonvalue

// Larger reports whether the JSON text of v has more than limit bytes, without writing it: values that stand in a tree many
// times make texts far larger than the memory they take. Escapes are not counted, so that a text of up to six times the
// limit may pass.
func Larger(v any, limit int) bool { return shrink(v, limit) < 0 }

// shrink returns what is left of a number of bytes after the text of v; negative = it did not fit.
func shrink(v any, left int) int {
	switch x := v.(type) {
	case string:
		return left - len(x) - 2
	case Number:
		return left - len(x)
	case []any:
		left -= 1 + max(len(x), 1) // brackets and commas
		for _, y := range x {
			if left = shrink(y, left); left < 0 {
				break
			}
		}
		return left
	case *Object:
		left -= 1 + max(x.Len(), 1)
		for k, y := range x.All() {
			if left = shrink(y, left-len(k)-3); left < 0 {
				break
			}
		}
		return left
	case bool:
		if x {
			return left - 4
		}
		return left - 5
	}
	return left - 4
}
