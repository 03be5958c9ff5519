package jsonata

// pushAncestry hands the parents that value still seeks on to the node around it.
func pushAncestry(into, value *node) {
	if value.seeking == nil && value.kind != kindParent {
		return
	}
	s := value.seeking
	if s == nil {
		s = &slots{}
	}
	if value.kind == kindParent {
		s.list = append(s.list, value.slot)
	}
	if into.seeking == nil {
		into.seeking = s
	} else {
		into.seeking.list = append(into.seeking.list, s.list...)
	}
}

// resolveAncestry looks among the steps of a path for those that the parents in its last step mean.
func (p *parser) resolveAncestry(path *node) error {
	last := path.list[len(path.list)-1]
	var seeking []*slot
	if last.seeking != nil {
		if last.kind == kindParent {
			last.seeking.list = append(last.seeking.list, last.slot)
		}
		seeking = last.seeking.list
	} else if last.kind == kindParent {
		seeking = []*slot{last.slot}
	}
	for _, s := range seeking {
		i := len(path.list) - 2
		for s.level > 0 {
			if i < 0 {
				if path.seeking == nil {
					path.seeking = &slots{}
				}
				path.seeking.list = append(path.seeking.list, s)
				break
			}
			step := path.list[i]
			i--
			for i >= 0 && step.hasFocus && path.list[i].hasFocus {
				step = path.list[i]
				i--
			}
			if err := p.seekParent(step, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *parser) seekParent(n *node, s *slot) error {
	switch n.kind {
	case kindName, kindWildcard:
		if s.level--; s.level == 0 {
			if n.ancestor != nil {
				p.ancestry[s.index].slot.label = n.ancestor.label
			}
			n.ancestor = s
			n.tuple = true
		}
	case kindParent:
		s.level++
	case kindBlock:
		if len(n.list) > 0 {
			n.tuple = true
			return p.seekParent(n.list[len(n.list)-1], s)
		}
	case kindPath:
		n.tuple = true
		i := len(n.list) - 1
		if err := p.seekParent(n.list[i], s); err != nil {
			return err
		}
		for i--; s.level > 0 && i >= 0; i-- {
			if err := p.seekParent(n.list[i], s); err != nil {
				return err
			}
		}
	default:
		return fail("S0217").at(n.pos).tok(kindNames[n.kind])
	}
	return nil
}
