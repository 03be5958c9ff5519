package jsonata

import (
	"math"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// dialect says where a function is to be had.
type dialect uint8

const (
	anyDialect dialect = iota
	plainOnly          // in JSONata alone
	statesOnly         // in Step Functions only
)

// builtin is a function of the library.
type builtin struct {
	name    string
	sig     *signature
	arity   int // parameters that the JavaScript function declares: decides what callbacks are given
	params  int // parameters that a partial application can name
	dialect dialect
	fn      func(c *call, args []any) (any, error)

	hasDefault bool // a parameter with a default value: keeps the function from being applied partially
}

// call is what a function of the library sees of its call besides the arguments.
type call struct {
	ev    *evaluator
	input any
	env   *frame
}

// builtins are the functions of the library by name.
var builtins = func() map[string]*builtin {
	m := map[string]*builtin{}
	for _, table := range [][]builtin{textFunctions(), numberFunctions(), listFunctions(), objectFunctions(), timeFunctions(), statesFunctions()} {
		for i := range table {
			b := &table[i]
			b.params = max(1, b.arity)
			m[b.name] = b
		}
	}
	m["string"].hasDefault = true
	return m
}()

// sig parses the signature of a function of the library.
func sig(s string) *signature {
	x, _, err := parseSignature(s)
	if err != nil {
		panic("BUG: signature " + s)
	}
	return x
}

func typeName(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		if math.IsNaN(x) {
			return "object"
		}
		return "number"
	case bool:
		return "boolean"
	case *array:
		return "array"
	case *function:
		return "function"
	case *jsonvalue.Object:
		return "object"
	}
	return "undefined"
}

// The arguments of a function called through a partial application are not checked against its signature. What the
// JavaScript makes of a wrong type is an error, mostly; here it always is.

func wrongType(v any) error {
	return scriptError("a value of type %s is not what the function works on", typeName(v))
}

// text returns argument i as text; ok is false if it is undefined.
func text(args []any, i int) (s string, ok bool, err error) {
	switch x := argument(args, i).(type) {
	case string:
		return x, true, nil
	case undefinedType:
		return "", false, nil
	default:
		return "", false, wrongType(x)
	}
}

// num returns argument i as a number; ok is false if it is undefined.
func num(args []any, i int) (f float64, ok bool, err error) {
	switch x := argument(args, i).(type) {
	case float64:
		return x, true, nil
	case undefinedType:
		return 0, false, nil
	case string:
		return scriptNumber(x), true, nil
	case bool:
		if x {
			return 1, true, nil
		}
		return 0, true, nil
	case nil:
		return 0, true, nil
	default:
		return 0, false, wrongType(x)
	}
}

// list returns argument i as a list; nil if it is undefined.
func list(args []any, i int) (*array, error) {
	switch x := argument(args, i).(type) {
	case *array:
		return x, nil
	case undefinedType:
		return nil, nil
	default:
		return nil, wrongType(x)
	}
}

// callable returns argument i as a function.
func callable(args []any, i int) (*function, error) {
	fn, ok := argument(args, i).(*function)
	if !ok {
		return nil, wrongType(argument(args, i))
	}
	return fn, nil
}
