package kv

// OpKind says what a step of a batch does.
type OpKind uint8

// The kinds of steps.
const (
	OpSet OpKind = iota
	OpDelete
	OpDeleteRange // Key <= k < Value
)

// Op is a step of a batch.
type Op struct {
	Kind       OpKind
	Key, Value []byte
}

// CondKind says what a precondition asks of a key.
type CondKind uint8

// The kinds of preconditions.
const (
	CondAbsent CondKind = iota
	CondPresent
	CondEqual
)

// Cond is a precondition of a batch.
type Cond struct {
	Kind       CondKind
	Key, Value []byte
}

// Batch is a list of changes that are applied together, under preconditions that are checked in the same step. The zero
// value is an empty batch. A batch keeps the slices it is given; the caller must not change them before it is applied.
// A batch is not safe for concurrent use.
//
// Steps take effect in order: a later one wins. Preconditions see the store before the first step.
type Batch struct {
	ops   []Op
	conds []Cond
	size  int
	sets  bool // a step gives a key a value
	frees bool
}

// Set gives key a value, replacing an older one.
func (b *Batch) Set(key, value []byte) {
	b.sets = true
	b.ops = append(b.ops, Op{OpSet, key, value})
	b.size += len(key) + len(value)
}

// Delete removes key. A key that is absent is no error.
func (b *Batch) Delete(key []byte) {
	b.ops = append(b.ops, Op{OpDelete, key, nil})
	b.size += len(key)
}

// DeleteRange removes every key with lo <= key < hi.
func (b *Batch) DeleteRange(lo, hi []byte) {
	b.ops = append(b.ops, Op{OpDeleteRange, lo, hi})
	b.size += len(lo) + len(hi)
}

// IfAbsent makes the batch fail with ErrConflict when key has a value.
func (b *Batch) IfAbsent(key []byte) { b.conds = append(b.conds, Cond{CondAbsent, key, nil}) }

// IfPresent makes the batch fail with ErrConflict when key has no value.
func (b *Batch) IfPresent(key []byte) { b.conds = append(b.conds, Cond{CondPresent, key, nil}) }

// IfEqual makes the batch fail with ErrConflict unless key has exactly this value.
func (b *Batch) IfEqual(key, value []byte) {
	b.conds = append(b.conds, Cond{CondEqual, key, value})
}

// Ops returns the steps, for backends.
func (b *Batch) Ops() []Op { return b.ops }

// Conds returns the preconditions, for backends.
func (b *Batch) Conds() []Cond { return b.conds }

// Empty reports whether the batch changes nothing.
func (b *Batch) Empty() bool { return len(b.ops) == 0 }

// UseReserve says that the batch serves to free space, or to end something that uses more: a full disk does not refuse it as
// long as its reserve lasts. A batch that only deletes need not say so.
func (b *Batch) UseReserve() { b.frees = true }

// Frees reports whether the batch may take from the reserve of a full disk, for backends.
func (b *Batch) Frees() bool { return b.frees || !b.sets }

// Size returns the bytes of all keys and values.
func (b *Batch) Size() int { return b.size }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	clear(b.ops)
	clear(b.conds)
	b.ops, b.conds, b.size, b.sets, b.frees = b.ops[:0], b.conds[:0], 0, false, false
}
