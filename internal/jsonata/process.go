package jsonata

import "slices"

// process is the second pass: it flattens chains of "." into paths of steps, hangs predicates, groupings and bindings on
// their steps, and finds for each parent (%) the step whose input it means.
func (p *parser) process(n *node) (r *node, err error) {
	if p.depth++; p.depth > 20000 {
		return nil, stackOverflow()
	}
	defer func() { p.depth-- }()
	switch n.kind {
	case kindBinary:
		r, err = p.processBinary(n)
	case kindNegation:
		r, err = p.processNegation(n)
	case kindArray, kindBlock:
		r, err = p.processList(n)
	case kindObject:
		r = &node{kind: kindObject, str: "{", pos: n.pos}
		r.pairs, err = p.processPairs(n.pairs, r)
	case kindFunction, kindPartial:
		r, err = p.processCall(n)
	case kindLambda:
		r = &node{kind: kindLambda, params: n.params, sig: n.sig, pos: n.pos}
		if r.rhs, err = p.process(n.rhs); err == nil {
			r.rhs = tailCalls(r.rhs)
		}
	case kindCondition, kindTransform:
		r, err = p.processThree(n)
	case kindName:
		n.builtin = builtins[n.str]
		r = &node{kind: kindPath, list: []*node{n}, keepSingleton: n.keepArray}
	case kindParent:
		r = &node{kind: kindParent, str: "%", slot: &slot{label: "!" + numberText(float64(p.labels)), level: 1, index: p.labels}}
		p.labels++
		p.ancestry = append(p.ancestry, r)
	case kindVariable:
		r = n
		n.builtin = builtins[n.str]
		p.writes = p.writes || n.str == "eval"
	case kindString, kindNumber, kindValue, kindWildcard, kindDescendant, kindRegex:
		r = n
	case kindOperator:
		switch n.id {
		case "and", "or", "in":
			n.kind = kindName
			return p.process(n)
		case "?":
			return n, nil
		}
		return nil, fail("S0201").at(n.pos).tok(n.str)
	case kindEnd:
		return nil, fail("S0207").at(n.pos).tok("(end)")
	default:
		return nil, fail("S0206").at(n.pos).tok(n.text())
	}
	if err == nil && n.keepArray {
		r.keepArray = true
	}
	return r, err
}

func (p *parser) processPairs(pairs [][2]*node, into *node) (out [][2]*node, err error) {
	for _, pair := range pairs {
		var x [2]*node
		for i := range pair {
			if x[i], err = p.process(pair[i]); err != nil {
				return nil, err
			}
			if into != nil {
				pushAncestry(into, x[i])
			}
		}
		out = append(out, x)
	}
	return out, nil
}

func (p *parser) processNegation(n *node) (*node, error) {
	e, err := p.process(n.lhs)
	if err != nil {
		return nil, err
	}
	if e.kind == kindNumber {
		e.num = -e.num
		e.val = e.num
		return e, nil
	}
	r := &node{kind: kindNegation, str: "-", pos: n.pos, lhs: e}
	pushAncestry(r, e)
	return r, nil
}

func (p *parser) processList(n *node) (*node, error) {
	r := &node{kind: n.kind, pos: n.pos}
	if n.kind == kindArray {
		r.str = "["
	}
	binds := p.binds
	for _, x := range n.list {
		part, err := p.process(x)
		if err != nil {
			return nil, err
		}
		pushAncestry(r, part)
		if n.kind == kindBlock && (part.cons || part.kind == kindPath && part.list[0].cons) {
			r.cons = true
		}
		r.list = append(r.list, part)
	}
	r.noBinds = p.binds == binds
	return r, nil
}

func (p *parser) processCall(n *node) (*node, error) {
	r := &node{kind: n.kind, str: n.str, pos: n.pos}
	for _, x := range n.list {
		a, err := p.process(x)
		if err != nil {
			return nil, err
		}
		pushAncestry(r, a)
		r.list = append(r.list, a)
	}
	var err error
	r.lhs, err = p.process(n.lhs)
	return r, err
}

// processThree processes the parts of a condition or a transform.
func (p *parser) processThree(n *node) (_ *node, err error) {
	r := &node{kind: n.kind, pos: n.pos}
	if n.kind == kindTransform {
		r.builtin = builtins["clone"]
		p.writes = true
	}
	for _, x := range []struct {
		from *node
		to   **node
	}{{n.lhs, &r.lhs}, {n.rhs, &r.rhs}, {n.other, &r.other}} {
		if x.from == nil {
			continue
		}
		if *x.to, err = p.process(x.from); err != nil {
			return nil, err
		}
		if n.kind == kindCondition {
			pushAncestry(r, *x.to)
		}
	}
	return r, nil
}

func (p *parser) processBinary(n *node) (*node, error) {
	switch n.id {
	case ".":
		return p.processPath(n)
	case "[":
		return p.processPredicate(n)
	case "^":
		return p.processSort(n)
	}
	l, err := p.process(n.lhs)
	if err != nil {
		return nil, err
	}
	switch n.id {
	case "{":
		if l.group != nil {
			return nil, fail("S0210").at(n.pos)
		}
		l.group = &group{pos: n.pos}
		l.group.pairs, err = p.processPairs(n.pairs, nil)
		return l, err
	case "@":
		return l, bindFocus(n, l)
	case "#":
		return bindIndex(n, l), nil
	}
	r := &node{kind: kindBinary, id: n.id, str: n.str, pos: n.pos, lhs: l}
	if r.rhs, err = p.process(n.rhs); err != nil {
		return nil, err
	}
	switch n.id {
	case ":=":
		r.kind = kindBind
		p.binds++
	case "~>":
		r.kind = kindApply
		r.keepArray = l.keepArray || r.rhs.keepArray
		return r, nil
	default:
		pushAncestry(r, l)
	}
	pushAncestry(r, r.rhs)
	return r, nil
}

func (p *parser) processPath(n *node) (*node, error) {
	first, err := p.process(n.lhs)
	if err != nil {
		return nil, err
	}
	r := first
	if first.kind != kindPath {
		r = &node{kind: kindPath, list: []*node{first}}
		if first.kind == kindParent {
			r.seeking = &slots{list: []*slot{first.slot}}
		}
	}
	rest, err := p.process(n.rhs)
	if err != nil {
		return nil, err
	}
	if rest.kind == kindPath {
		r.list = append(r.list, rest.list...)
	} else {
		if rest.predicate != nil {
			rest.stages, rest.predicate = rest.predicate, nil
		}
		r.list = append(r.list, rest)
	}
	for _, s := range r.list {
		if s.kind == kindNumber || s.kind == kindValue {
			return nil, fail("S0213").at(s.pos).val(s.val)
		}
	}
	for _, s := range r.list {
		if s.kind == kindString {
			s.kind = kindName
		}
		if s.keepArray {
			r.keepSingleton = true
		}
	}
	if s := r.list[0]; s.kind == kindArray {
		s.cons = true
	}
	if s := r.list[len(r.list)-1]; s.kind == kindArray {
		s.cons = true
	}
	return r, p.resolveAncestry(r)
}

func (p *parser) processPredicate(n *node) (*node, error) {
	r, err := p.process(n.lhs)
	if err != nil {
		return nil, err
	}
	step, list := r, &r.predicate
	if r.kind == kindPath {
		step = r.list[len(r.list)-1]
		list = &step.stages
	}
	if step.group != nil {
		return nil, fail("S0209").at(n.pos)
	}
	f, err := p.process(n.rhs)
	if err != nil {
		return nil, err
	}
	if f.seeking != nil {
		for _, s := range slices.Clone(f.seeking.list) {
			if s.level != 1 {
				s.level--
			} else if err := p.seekParent(step, s); err != nil {
				return nil, err
			}
		}
		pushAncestry(step, f)
	}
	*list = append(*list, stage{filter: f})
	return r, nil
}

func (p *parser) processSort(n *node) (*node, error) {
	r, err := p.process(n.lhs)
	if err != nil {
		return nil, err
	}
	if r.kind != kindPath {
		r = &node{kind: kindPath, list: []*node{r}}
	}
	s := &node{kind: kindSort, pos: n.pos}
	for _, t := range n.terms {
		e, err := p.process(t.expr)
		if err != nil {
			return nil, err
		}
		pushAncestry(s, e)
		s.terms = append(s.terms, sortTerm{descending: t.descending, expr: e})
	}
	r.list = append(r.list, s)
	return r, p.resolveAncestry(r)
}

func bindFocus(n, l *node) error {
	step := l
	if l.kind == kindPath {
		step = l.list[len(l.list)-1]
	}
	if step.stages != nil || step.predicate != nil {
		return fail("S0215").at(n.pos)
	}
	if step.kind == kindSort {
		return fail("S0216").at(n.pos)
	}
	if n.keepArray {
		step.keepArray = true
	}
	step.focus, step.hasFocus, step.tuple = n.rhs.str, true, true
	return nil
}

func bindIndex(n, l *node) *node {
	r, step := l, l
	if l.kind == kindPath {
		step = l.list[len(l.list)-1]
	} else {
		r = &node{kind: kindPath, list: []*node{l}}
		if step.predicate != nil {
			step.stages, step.predicate = step.predicate, nil
		}
	}
	if step.stages == nil {
		step.index, step.hasIndex = n.rhs.str, true
	} else {
		step.stages = append(step.stages, stage{index: n.rhs.str})
	}
	step.tuple = true
	return r
}
