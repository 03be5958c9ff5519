package jsonata

import "github.com/tarn-data/tarn/internal/jsonvalue"

// orderBy sorts a list by the terms of a sort step.
func (ev *evaluator) orderBy(n *node, list *array, f *frame) (*array, error) {
	keyOf := func(item any, t *node) (any, error) {
		if !list.tuples {
			return ev.eval(t, item, f)
		}
		o, _ := item.(*jsonvalue.Object)
		return ev.eval(t, tupleOf(item, "@"), &frame{parent: f, tuple: o})
	}
	return ev.mergeSort(list, func(a, b any) (bool, error) {
		for i := range n.terms {
			t := &n.terms[i]
			x, err := keyOf(a, t.expr)
			if err != nil {
				return false, err
			}
			y, err := keyOf(b, t.expr)
			if err != nil {
				return false, err
			}
			if isUndef(x) || isUndef(y) {
				if isUndef(x) && isUndef(y) {
					continue
				}
				return isUndef(x), nil
			}
			c, err := orderOf(x, y, n.pos)
			if err != nil {
				return false, err
			}
			if c != 0 {
				return (c > 0) != t.descending, nil
			}
		}
		return false, nil
	})
}

func orderOf(x, y any, pos int) (int, error) {
	xs, xText := x.(string)
	ys, yText := y.(string)
	xf, xNum := x.(float64)
	yf, yNum := y.(float64)
	switch {
	case !xText && !xNum:
		return 0, fail("T2008").at(pos).val(x)
	case !yText && !yNum:
		return 0, fail("T2008").at(pos).val(y)
	case xText != yText:
		return 0, fail("T2007").at(pos).val(x).with("value2", y)
	case xText && xs == ys || xNum && xf == yf:
		return 0, nil
	case xText && less16(xs, ys) || xNum && xf < yf:
		return -1, nil
	}
	return 1, nil
}

// mergeSort sorts a copy of the list; after reports whether a belongs behind b. It asks in the order in which the
// library does, as after may be a function of the expression.
func (ev *evaluator) mergeSort(list *array, after func(a, b any) (bool, error)) (*array, error) {
	n := list.len()
	if n <= 1 {
		return list, nil
	}
	if err := ev.grown(2 * n * itemSize); err != nil {
		return nil, err
	}
	items, space := make([]any, n), make([]any, n)
	for i := range n {
		items[i] = list.at(i)
	}
	if err := ev.merge(items, space, after); err != nil {
		return nil, err
	}
	return &array{items: items}, nil
}

func (ev *evaluator) merge(items, space []any, after func(a, b any) (bool, error)) error {
	if len(items) <= 1 {
		return nil
	}
	mid := len(items) / 2
	if err := ev.merge(items[:mid], space[:mid], after); err != nil {
		return err
	}
	if err := ev.merge(items[mid:], space[mid:], after); err != nil {
		return err
	}
	l, r := 0, mid
	for i := range items {
		switch {
		case l == mid:
			space[i] = items[r]
			r++
		case r == len(items):
			space[i] = items[l]
			l++
		default:
			if err := ev.step(); err != nil {
				return err
			}
			behind, err := after(items[l], items[r])
			if err != nil {
				return err
			}
			if behind {
				space[i] = items[r]
				r++
			} else {
				space[i] = items[l]
				l++
			}
		}
	}
	copy(items, space)
	return nil
}
