package jsonata

import "strings"

// signature is the type signature of a function, such as <s-nn?:s>.
type signature struct {
	params []parameter
}

// parameter takes arguments whose type symbols are in set: once, or as its quantifier says.
type parameter struct {
	set        string // of s n b l o a f m (missing)
	quantifier byte   // 0, '?' or '+'
	lazy       bool
	typ        string
	subtype    string // of the items of a list
	hasSubtype bool
	context    bool // taken from the context value if it is missing
	contextAny bool
}

// parseSignature reads a signature with its brackets. An error comes with its offset in the signature.
func parseSignature(s string) (*signature, int, *Error) {
	sig := &signature{}
	loose := &parameter{} // what modifiers before the first parameter apply to
	last := func() *parameter {
		if n := len(sig.params); n > 0 {
			return &sig.params[n-1]
		}
		return loose
	}
	quantify := func(q byte) bool {
		p := last()
		switch {
		case p.quantifier == 0:
			p.quantifier = q
		case q == '?' && !p.lazy:
			p.lazy = true
		default:
			return false
		}
		return true
	}
	for i := 1; i < len(s) && s[i] != ':'; i++ {
		switch c := s[i]; c {
		case 's', 'n', 'b', 'l', 'o':
			sig.params = append(sig.params, parameter{set: string(c) + "m", typ: string(c)})
		case 'a', 'x':
			sig.params = append(sig.params, parameter{set: "asnblfom", typ: string(c)})
		case 'f':
			sig.params = append(sig.params, parameter{set: "f", typ: "f"})
		case 'j':
			sig.params = append(sig.params, parameter{set: "asnblom", typ: "j"})
		case '-':
			p := last()
			p.context, p.contextAny = true, p.quantifier == '?'
			if !quantify('?') {
				return nil, 0, scriptError("Invalid regular expression: nothing to repeat")
			}
		case '?', '+':
			if !quantify(c) {
				return nil, 0, scriptError("Invalid regular expression: nothing to repeat")
			}
		case '(':
			end := closing(s, i, '(', ')')
			choice := s[i+1 : min(end, len(s))]
			if strings.Contains(choice, "<") {
				return nil, i, fail("S0402").val(choice)
			}
			set, ok := classOf(choice + "m")
			if !ok {
				return nil, 0, scriptError("Invalid regular expression: /[%sm]/: Range out of order in character class", choice)
			}
			sig.params = append(sig.params, parameter{set: set, typ: "(" + choice + ")"})
			i = end
		case '<':
			p := last()
			if p.typ != "a" && p.typ != "f" {
				v := any(undef)
				if p.typ != "" {
					v = p.typ
				}
				return nil, i, fail("S0401").val(v)
			}
			end := closing(s, i, '<', '>')
			p.subtype, p.hasSubtype = s[i+1:min(end, len(s))], true
			i = end
		}
	}
	return sig, 0, nil
}

// classOf returns the type symbols in a choice: the library makes a character class of it, in which a dash is a range.
func classOf(choice string) (set string, ok bool) {
	negated := strings.HasPrefix(choice, "^")
	choice = strings.TrimPrefix(choice, "^")
	in := map[byte]bool{}
	for i := 0; i < len(choice); i++ {
		low, high := choice[i], choice[i]
		if i+2 < len(choice) && choice[i+1] == '-' {
			if high = choice[i+2]; high < low {
				return "", false
			}
			i += 2
		}
		for _, symbol := range []byte("snblfoam") {
			in[symbol] = in[symbol] || symbol >= low && symbol <= high
		}
	}
	for _, symbol := range []byte("snblfoam") {
		if in[symbol] != negated {
			set += string(symbol)
		}
	}
	return set, true
}

// closing returns the place of the bracket that closes the one at i, the end of s if none does.
func closing(s string, i int, open, shut byte) int {
	depth := 1
	for i++; i < len(s); i++ {
		switch s[i] {
		case shut:
			if depth--; depth == 0 {
				return i
			}
		case open:
			depth++
		}
	}
	return i
}

func symbolOf(v any) byte {
	switch v.(type) {
	case string:
		return 's'
	case float64:
		return 'n'
	case bool:
		return 'b'
	case nil:
		return 'l'
	case *array:
		return 'a'
	case *function:
		return 'f'
	case undefinedType:
		return 'm'
	}
	return 'o'
}

// match assigns the symbols of the arguments from i on to the parameters from p on and puts how many each takes into
// counts. It returns how many symbols are taken, -1 if they do not fit; whole requires all to be.
func (s *signature) match(symbols []byte, p, i int, params int, counts []int, whole bool) int {
	if p == params {
		if whole && i < len(symbols) {
			return -1
		}
		return i
	}
	x := &s.params[p]
	most := 0
	for i+most < len(symbols) && strings.IndexByte(x.set, symbols[i+most]) >= 0 && (most == 0 || x.quantifier == '+') {
		most++
	}
	least := 1
	if x.quantifier == '?' {
		least = 0
	}
	if most < least {
		return -1
	}
	for k := 0; k <= most-least; k++ {
		n := most - k
		if x.lazy {
			n = least + k
		}
		counts[p] = n
		if end := s.match(symbols, p+1, i+n, params, counts, whole); end >= 0 {
			return end
		}
	}
	return -1
}

// validate checks arguments and completes them: missing ones come from the context where the signature says so, single
// values become lists where lists are due.
func (s *signature) validate(args []any, context any) ([]any, error) {
	var symbolSpace [12]byte
	var countSpace [12]int
	symbols, counts := symbolSpace[:0], countSpace[:]
	for _, a := range args {
		symbols = append(symbols, symbolOf(a))
	}
	if len(s.params) > len(counts) {
		counts = make([]int, len(s.params))
	}
	if s.match(symbols, 0, 0, len(s.params), counts, true) < 0 {
		return nil, s.mismatch(args, symbols, counts)
	}
	out := make([]any, 0, max(len(s.params), len(args)))
	next := 0
	for p := range s.params {
		x := &s.params[p]
		if counts[p] == 0 {
			if !x.context {
				out = append(out, argument(args, next))
				next++
				continue
			}
			if !x.contextAny && strings.IndexByte(x.set, symbolOf(context)) < 0 {
				return nil, fail("T0411").val(context).with("index", float64(next+1))
			}
			out = append(out, context)
			continue
		}
		group := symbols[min(next, len(symbols)):min(next+counts[p], len(symbols))]
		first := argument(args, next)
		for range counts[p] {
			v := argument(args, next)
			if x.typ != "a" {
				v = first // of several arguments for one parameter the library repeats the first
			}
			if x.typ == "a" && !isUndef(v) {
				if !x.accepts(v, string(group)) {
					return nil, fail("T0412").val(v).with("index", float64(next+1)).with("type", listTypes(x.subtype))
				}
				if _, isList := v.(*array); !isList {
					v = &array{items: []any{v}}
				}
			}
			out = append(out, v)
			next++
		}
	}
	return out, nil
}

func listTypes(subtype string) any {
	names := map[string]string{"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}
	if n, ok := names[subtype]; ok {
		return n
	}
	return undef
}

// accepts reports whether the items of a list are of the parameter's subtype; group holds the symbols of all arguments
// that the parameter takes.
func (x *parameter) accepts(v any, group string) bool {
	if !x.hasSubtype {
		return true
	}
	list, ok := v.(*array)
	if !ok {
		return group == x.subtype
	}
	if list.len() == 0 {
		return true
	}
	if x.subtype == "" {
		return false
	}
	if list.span > 0 {
		return x.subtype[0] == 'n'
	}
	for i := range list.items {
		if symbolOf(list.at(i)) != x.subtype[0] {
			return false
		}
	}
	return true
}

// mismatch returns the error for arguments that do not fit: it names the first one behind those that do.
func (s *signature) mismatch(args []any, symbols []byte, counts []int) *Error {
	good := 0
	for n := 1; n <= len(s.params); n++ {
		end := s.match(symbols, 0, 0, n, counts, false)
		if end < 0 {
			break
		}
		good = end
	}
	return fail("T0410").val(argument(args, good)).with("index", float64(good+1))
}
