package jsonata

// kind says what a node is.
type kind uint8

const (
	kindEnd kind = iota // the end of the expression
	kindName
	kindVariable
	kindString
	kindNumber
	kindValue // true, false, null
	kindRegex
	kindOperator // a token that is nothing else: "?" as an argument, or misplaced
	kindBinary
	kindNegation
	kindArray
	kindObject
	kindBlock
	kindCondition
	kindFunction
	kindPartial
	kindLambda
	kindTransform
	kindWildcard
	kindDescendant
	kindParent
	// made by the second pass
	kindPath
	kindBind
	kindApply
	kindSort
)

// kindNames are the names under which errors speak of kinds.
var kindNames = map[kind]string{
	kindName: "name", kindVariable: "variable", kindString: "string", kindNumber: "number", kindValue: "value", kindRegex: "regex",
	kindOperator: "operator", kindBinary: "binary", kindNegation: "unary", kindArray: "unary", kindObject: "unary", kindBlock: "block",
	kindCondition: "condition", kindFunction: "function", kindPartial: "partial", kindLambda: "lambda", kindTransform: "transform",
	kindWildcard: "wildcard", kindDescendant: "descendant", kindParent: "parent", kindPath: "path", kindBind: "bind", kindApply: "apply",
	kindSort: "sort",
}

// node is a part of an expression. The parser makes nodes after the text; the second pass (process) turns them into what
// is evaluated. Nodes are not changed afterwards.
type node struct {
	kind kind
	id   string // what the parser takes the token for: the operator itself, "(name)", "(literal)", "(regex)", "(end)"
	pos  int    // in UTF-16 units, behind the token
	str  string // name, text, operator
	num  float64
	val  any // the value of a literal, as evaluated
	re   *regex

	lhs, rhs *node
	other    *node   // else of a condition, delete of a transform
	list     []*node // steps, expressions, arguments
	pairs    [][2]*node
	terms    []sortTerm
	params   []string // of a lambda
	sig      *signature
	builtin  *builtin // what a variable stands for unless it is bound

	stages    []stage // of a step of a path
	predicate []stage // of any other node
	group     *group

	keepArray     bool // "[]" follows
	keepSingleton bool // of a path: a single result stays a list
	cons          bool // an array constructor at an end of a path
	tuple         bool // a step that yields tuples
	noBinds       bool // of a block: nothing in it is bound in its own frame
	writes        bool // of a whole expression: it has a transform, or may get one by $eval
	thunk         bool // a call in tail position: it is not made but handed back

	hasFocus, hasIndex bool
	focus, index       string // variables bound by @ and #
	ancestor           *slot
	slot               *slot // of a parent
	seeking            *slots
}

// text returns the token of a node of the parser, for errors.
func (n *node) text() any {
	switch n.kind {
	case kindNumber, kindValue:
		return n.val
	case kindEnd:
		return "(end)"
	}
	return n.str
}

type sortTerm struct {
	descending bool
	expr       *node
}

// stage is a predicate of a step, or the binding of the position.
type stage struct {
	filter *node
	index  string // where filter is nil
}

// group is a grouping clause: pairs of key and value.
type group struct {
	pairs [][2]*node
	pos   int
}

// slot is the place of a parent (%): how many steps up it still has to go, and the label under which the step found binds its input.
type slot struct {
	label string
	level int
	index int
}

type slots struct{ list []*slot }
