package jsonata

import (
	"maps"
	"slices"
)

// freeVariables returns the names of the variables that a node refers to and that are neither bound in it nor functions of
// the library.
func freeVariables(n *node) []string {
	var found []string
	findFree(n, map[string]bool{}, func(name string) {
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	})
	return found
}

func findFree(n *node, bound map[string]bool, add func(string)) {
	if n == nil {
		return
	}
	pairs := func(list [][2]*node) {
		for _, p := range list {
			findFree(p[0], bound, add)
			findFree(p[1], bound, add)
		}
	}
	switch n.kind {
	case kindVariable:
		if n.str != "" && n.str != "$" && n.builtin == nil && !bound[n.str] {
			add(n.str)
		}
	case kindLambda:
		bound = maps.Clone(bound)
		for _, p := range n.params {
			bound[p] = true
		}
		findFree(n.rhs, bound, add)
	case kindBind:
		if n.rhs.kind == kindLambda {
			bound[n.lhs.str] = true // it may call itself
		}
		findFree(n.rhs, bound, add)
		bound[n.lhs.str] = true
	case kindFunction, kindPartial:
		for _, a := range n.list {
			findFree(a, bound, add)
		}
		findFree(n.lhs, bound, add)
	case kindBlock, kindPath:
		inner := maps.Clone(bound)
		for _, x := range n.list {
			findFree(x, inner, add)
		}
		bound = inner
	default:
		findFree(n.lhs, bound, add)
		findFree(n.rhs, bound, add)
		findFree(n.other, bound, add)
		for _, x := range n.list {
			findFree(x, bound, add)
		}
		pairs(n.pairs)
		for _, t := range n.terms {
			findFree(t.expr, bound, add)
		}
	}
	if n.hasFocus {
		bound[n.focus] = true
	}
	if n.hasIndex {
		bound[n.index] = true
	}
	for _, list := range [][]stage{n.stages, n.predicate} {
		for _, s := range list {
			if s.filter == nil {
				bound[s.index] = true
			}
			findFree(s.filter, bound, add)
		}
	}
	if n.group != nil {
		pairs(n.group.pairs)
	}
}
