package queue

import (
	"cmp"
	"slices"
)

type itemState uint8

const (
	visible itemState = iota
	delayed
	inFlight
)

func (s itemState) String() string { return [...]string{"visible", "delayed", "inflight"}[s] }

// item is a message of which more is known than a mark: it was received, is delayed, came from elsewhere, or the queue is
// FIFO. Times are milliseconds of the engine's clock.
type item struct {
	seq      uint64
	sent     int64
	at       int64  // when it becomes visible, if it is not
	received int64  // last receive
	first    int64  // first receive
	count    uint32 // receives
	state    itemState
	pos      int    // in the heap that holds it
	group    *group // of FIFO queues
}

// group is an ordered part of a FIFO queue.
type group struct {
	name   string
	list   []*item // not in flight, in order; the first may be delayed
	flying []*item // in flight, in order
	queued bool    // in index.turn
}

// free reports whether a message may be received as far as its group is concerned: no earlier one of it is in flight.
func (g *group) free(it *item) bool {
	return it.state == visible && (len(g.flying) == 0 || it.seq < g.flying[0].seq)
}

// insert puts an item into a list that is in order.
func insert(list []*item, it *item) []*item {
	i, _ := slices.BinarySearchFunc(list, it.seq, func(a *item, seq uint64) int { return cmp.Compare(a.seq, seq) })
	return slices.Insert(list, i, it)
}

// without removes an item from a list that is in order.
func without(list []*item, it *item) []*item {
	i, ok := slices.BinarySearchFunc(list, it.seq, func(a *item, seq uint64) int { return cmp.Compare(a.seq, seq) })
	if !ok {
		return list
	}
	return slices.Delete(list, i, i+1)
}

// index is what memory knows of a queue's messages. It is changed under the shard's mutex, after the store.
type index struct {
	fifo     bool
	fresh    freshList        // standard: never received
	back     itemHeap         // standard: other visible ones, by sequence
	items    map[uint64]*item // all but the fresh ones
	hidden   itemHeap         // delayed and in flight, by the time when they become visible
	groups   map[string]*group
	turn     []*group // FIFO: groups whose first message may be received
	counts   Counts
	earliest int64 // no item was sent before this
}

func newIndex(fifo bool) *index {
	return &index{
		fifo: fifo, items: map[uint64]*item{}, groups: map[string]*group{},
		back: itemHeap{less: bySequence}, hidden: itemHeap{less: byTime}, earliest: 1<<63 - 1,
	}
}

// add takes in a message in whatever state it is. Messages are added in the order of their sequence numbers.
func (x *index) add(it item, groupName string) {
	if !x.fifo && it.count == 0 && it.state == visible && (x.fresh.n == 0 || x.fresh.last().sent <= it.sent) {
		x.fresh.push(mark{it.seq, it.sent})
		x.counts.Visible++
		return
	}
	n := &it
	x.items[n.seq] = n
	x.earliest = min(x.earliest, n.sent)
	if x.fifo {
		n.group = x.groups[groupName]
		if n.group == nil {
			n.group = &group{name: groupName}
			x.groups[groupName] = n.group
		}
		if n.state != inFlight {
			n.group.list = append(n.group.list, n)
		}
	}
	switch n.state {
	case visible:
		x.counts.Visible++
		x.show(n)
	case delayed:
		x.counts.Delayed++
		x.hidden.push(n)
	case inFlight:
		x.counts.InFlight++
		x.hidden.push(n)
		if n.group != nil {
			n.group.flying = insert(n.group.flying, n)
		}
	}
}

// show makes a visible item findable.
func (x *index) show(it *item) {
	if x.fifo {
		x.activate(it.group)
		return
	}
	x.back.push(it)
}

// activate lets a group be received from, if it may.
func (x *index) activate(g *group) {
	if !g.queued && len(g.list) > 0 && g.free(g.list[0]) {
		g.queued = true
		x.turn = append(x.turn, g)
	}
}

// advance shows what has become visible by now and returns how many messages did. Groups that get their turn by that are
// in the order of their first messages.
func (x *index) advance(now int64) (shown int) {
	queued := len(x.turn)
	for it := x.hidden.min(); it != nil && it.at <= now; it = x.hidden.min() {
		x.hidden.pop()
		x.unhide(it)
		shown++
	}
	if len(x.turn) > queued+1 {
		slices.SortFunc(x.turn[queued:], func(a, b *group) int { return cmp.Compare(a.list[0].seq, b.list[0].seq) })
	}
	return shown
}

// unhide makes visible an item that was taken out of hidden.
func (x *index) unhide(it *item) {
	x.counts.Visible++
	if it.state == delayed {
		x.counts.Delayed--
		it.state = visible
	} else {
		x.counts.InFlight--
		it.state = visible
		if g := it.group; g != nil {
			g.flying = without(g.flying, it)
			g.list = insert(g.list, it)
		}
	}
	x.show(it)
}

// take removes the next visible message from what is ready and returns it as an item that is in no list. It is followed by
// hide or drop.
func (x *index) take() *item {
	m, ok := x.fresh.first()
	if b := x.back.min(); b != nil && (!ok || b.seq < m.seq) {
		x.counts.Visible--
		return x.back.pop()
	}
	if !ok {
		return nil
	}
	x.fresh.pop()
	x.counts.Visible--
	it := &item{seq: m.seq, sent: m.sent}
	x.items[it.seq] = it
	x.earliest = min(x.earliest, it.sent)
	return it
}

// takeGroup is take for FIFO queues: up to max messages of the group whose turn it is.
func (x *index) takeGroup(max int) []*item {
	for len(x.turn) > 0 {
		g := x.turn[0]
		x.turn = x.turn[1:]
		g.queued = false
		n := 0
		for n < len(g.list) && n < max && g.free(g.list[n]) {
			n++
		}
		if n == 0 {
			x.tidy(g) // changed since it was queued
			continue
		}
		taken := slices.Clone(g.list[:n])
		if g.list = g.list[n:]; len(g.list) == 0 {
			g.list = nil
		}
		x.counts.Visible -= n
		return taken
	}
	return nil
}

// hide puts a taken item in flight.
func (x *index) hide(it *item) {
	it.state = inFlight
	x.counts.InFlight++
	x.hidden.push(it)
	if it.group != nil {
		it.group.flying = insert(it.group.flying, it)
	}
}

// drop forgets a taken item.
func (x *index) drop(it *item) {
	delete(x.items, it.seq)
	x.tidy(it.group)
}

// tidy forgets a group that is empty, or gives the next of it its turn.
func (x *index) tidy(g *group) {
	if g == nil {
		return
	}
	if len(g.flying) == 0 && len(g.list) == 0 {
		if !g.queued {
			delete(x.groups, g.name)
		}
		return
	}
	x.activate(g)
}

// remove forgets an item in any state.
func (x *index) remove(it *item) {
	switch it.state {
	case visible:
		x.counts.Visible--
		if !x.fifo {
			x.back.remove(it)
		}
	case delayed:
		x.counts.Delayed--
		x.hidden.remove(it)
	case inFlight:
		x.counts.InFlight--
		x.hidden.remove(it)
		if it.group != nil {
			it.group.flying = without(it.group.flying, it)
		}
	}
	if g := it.group; g != nil && it.state != inFlight {
		g.list = without(g.list, it)
	}
	x.drop(it)
}

// reschedule changes when an item that is in flight becomes visible.
func (x *index) reschedule(it *item, at int64) {
	x.hidden.remove(it)
	it.at = at
	x.hidden.push(it)
}

// rehide puts an item of a standard queue that is visible after a receive in flight again.
func (x *index) rehide(it *item, at int64) {
	x.back.remove(it)
	x.counts.Visible--
	it.at = at
	x.hide(it)
}

// old yields the sequence numbers of messages sent before limit, at most max of them.
func (x *index) old(limit int64, max int) (seqs []uint64) {
	for m := range x.fresh.all {
		if m.sent >= limit || len(seqs) == max {
			break
		}
		seqs = append(seqs, m.seq)
	}
	if x.earliest >= limit || len(seqs) == max {
		return seqs
	}
	earliest := int64(1<<63 - 1)
	for seq, it := range x.items {
		switch {
		case it.sent >= limit:
			earliest = min(earliest, it.sent)
		case len(seqs) < max:
			seqs = append(seqs, seq)
		default:
			earliest = min(earliest, it.sent)
		}
	}
	x.earliest = earliest
	return seqs
}

// forget removes messages by their numbers, as old gave them.
func (x *index) forget(seqs []uint64) {
	for _, seq := range seqs {
		if m, ok := x.fresh.first(); ok && m.seq == seq {
			x.fresh.pop()
			x.counts.Visible--
		} else if it := x.items[seq]; it != nil {
			x.remove(it)
		}
	}
}
