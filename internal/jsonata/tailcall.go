package jsonata

import "slices"

// tailCalls marks the calls in tail position of a function's body: they are handed back to the caller, so that
// recursion in this form needs no stack.
func tailCalls(n *node) *node {
	switch n.kind {
	case kindFunction:
		if n.predicate == nil {
			return &node{kind: kindLambda, thunk: true, pos: n.pos, rhs: n}
		}
	case kindCondition:
		n.rhs = tailCalls(n.rhs)
		if n.other != nil {
			n.other = tailCalls(n.other)
		}
	case kindBlock:
		if last := len(n.list) - 1; last >= 0 {
			n.list = slices.Clone(n.list)
			n.list[last] = tailCalls(n.list[last])
		}
	}
	return n
}
