package queue

// mark stands for a message that was never received nor delayed: all that memory needs of it.
type mark struct {
	seq  uint64
	sent int64 // ms
}

const chunkMarks = 4096

// freshList is a list of marks in the order of their sequence numbers, in chunks so that it neither moves nor keeps what was
// taken off.
type freshList struct {
	chunks [][]mark
	head   int // taken off the first chunk
	n      int
}

func (f *freshList) push(m mark) {
	if k := len(f.chunks); k == 0 || len(f.chunks[k-1]) == chunkMarks {
		size := chunkMarks
		if k == 0 {
			size = 64 // most queues are short
		}
		f.chunks = append(f.chunks, make([]mark, 0, size))
	}
	last := &f.chunks[len(f.chunks)-1]
	*last = append(*last, m)
	f.n++
}

func (f *freshList) first() (mark, bool) {
	if f.n == 0 {
		return mark{}, false
	}
	return f.chunks[0][f.head], true
}

func (f *freshList) last() mark {
	c := f.chunks[len(f.chunks)-1]
	return c[len(c)-1]
}

func (f *freshList) pop() mark {
	m := f.chunks[0][f.head]
	f.head++
	f.n--
	switch {
	case f.n == 0 && len(f.chunks) == 1:
		f.chunks[0], f.head = f.chunks[0][:0], 0
	case f.head == len(f.chunks[0]):
		f.chunks[0] = nil
		f.chunks, f.head = f.chunks[1:], 0
	}
	return m
}

// all yields the marks in order.
func (f *freshList) all(yield func(mark) bool) {
	for i, c := range f.chunks {
		if i == 0 {
			c = c[f.head:]
		}
		for _, m := range c {
			if !yield(m) {
				return
			}
		}
	}
}
