package queue

// itemHeap is a binary heap of items that know their place in it, so that any of them can be removed.
type itemHeap struct {
	items []*item
	less  func(a, b *item) bool
}

func bySequence(a, b *item) bool { return a.seq < b.seq }

func byTime(a, b *item) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

func (h *itemHeap) len() int { return len(h.items) }

func (h *itemHeap) min() *item {
	if len(h.items) == 0 {
		return nil
	}
	return h.items[0]
}

func (h *itemHeap) push(it *item) {
	it.pos = len(h.items)
	h.items = append(h.items, it)
	h.up(it.pos)
}

func (h *itemHeap) remove(it *item) {
	i, last := it.pos, len(h.items)-1
	h.swap(i, last)
	h.items[last] = nil
	h.items = h.items[:last]
	if i < last {
		h.up(i)
		h.down(i)
	}
}

func (h *itemHeap) pop() *item {
	it := h.items[0]
	h.remove(it)
	return it
}

func (h *itemHeap) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.items[i].pos, h.items[j].pos = i, j
}

func (h *itemHeap) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !h.less(h.items[i], h.items[p]) {
			return
		}
		h.swap(i, p)
		i = p
	}
}

func (h *itemHeap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h.items) {
			return
		}
		if c+1 < len(h.items) && h.less(h.items[c+1], h.items[c]) {
			c++
		}
		if !h.less(h.items[c], h.items[i]) {
			return
		}
		h.swap(i, c)
		i = c
	}
}
