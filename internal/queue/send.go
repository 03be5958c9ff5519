package queue

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/tarn-data/tarn/internal/kv"
)

// ordered returns each shard once, in the order in which they are locked.
func ordered(list []*shard) []*shard {
	if len(list) < 2 {
		return list
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *shard) int { return cmp.Compare(a.id, b.id) })
	return slices.Compact(list)
}

// Send adds a message to a queue. It is durable when Send returns.
func (e *Engine) Send(ctx context.Context, r Ref, m Message) (Sent, error) {
	sent, errs, err := e.SendAll(ctx, nil, []Incoming{{r, m}})
	if err != nil {
		return Sent{}, err
	}
	return sent[0], errs[0]
}

// SendAll adds messages to one or several queues, together with what b holds already, in one batch that is durable when
// SendAll returns. A message that its queue refuses has its error in errs and does not keep the others back; b is
// committed even if all are refused. err is that of the batch, or of a queue that cannot be opened: nothing is done then.
func (e *Engine) SendAll(ctx context.Context, b *kv.Batch, list []Incoming) (sent []Sent, errs []error, err error) {
	sent, errs, p, err := e.add(ctx, b, list)
	if err != nil || p == nil {
		return sent, errs, err
	}
	return sent, errs, p.Wait(ctx)
}

// ApplyAll is SendAll that does not wait: the messages are in their queues, in the order of the calls, and durable when p is. p is
// nil where there was nothing to apply.
func (e *Engine) ApplyAll(ctx context.Context, b *kv.Batch, list []Incoming) (sent []Sent, errs []error, p kv.Pending, err error) {
	return e.add(ctx, b, list)
}

// prepared is a message on its way into a shard.
type prepared struct {
	shard   *shard
	message *stored
	record  []byte
	delay   int64 // ms; -1 = the queue's
	hash    dedupHash
	dedup   bool
	at      int // in the caller's list
}

// add applies the batch and does not wait for it; p is nil when there was nothing to apply.
func (e *Engine) add(ctx context.Context, b *kv.Batch, list []Incoming) (sent []Sent, errs []error, p kv.Pending, err error) {
	if b == nil {
		b = &kv.Batch{}
	}
	sent, errs = make([]Sent, len(list)), make([]error, len(list))
	todo := make([]prepared, 0, len(list))
	shards := make([]*shard, 0, 1)
	for i := range list {
		s, err := e.shard(list[i].Queue)
		if err != nil {
			errs[i] = err
			continue
		}
		m, err := e.prepare(s, &list[i].Message, &sent[i])
		if err != nil {
			errs[i] = err
			continue
		}
		m.at = i
		todo = append(todo, m)
		if len(shards) == 0 || shards[len(shards)-1] != s {
			shards = append(shards, s)
		}
	}
	shards = ordered(shards)
	live := shards[:0:0]
	defer func() {
		for _, s := range live {
			s.mu.Unlock()
		}
	}()
	for _, s := range shards {
		if err := s.lock(ctx); err == nil {
			live = append(live, s)
			continue
		} else if !errors.Is(err, ErrNoQueue) {
			// It cannot be opened now, which is no refusal: what else the batch does must not be done without the message.
			return nil, nil, nil, err
		} else {
			for _, m := range todo {
				if m.shard == s {
					errs[m.at] = err
				}
			}
		}
	}
	items := make([]item, len(todo))
	now := e.now()
	for i := range todo {
		m := &todo[i]
		if errs[m.at] == nil {
			m.shard.admit(b, m, &items[i], now, &sent[m.at])
		}
	}
	if b.Empty() {
		return sent, errs, nil, nil
	}
	p, err = e.store.Apply(context.WithoutCancel(ctx), b)
	if err != nil {
		for _, s := range live {
			s.failed(err)
		}
		for i := range todo {
			if m := &todo[i]; m.dedup && items[i].seq != 0 {
				delete(m.shard.dedup, m.hash)
			}
		}
		return sent, errs, nil, err
	}
	for i := range todo {
		if m := &todo[i]; items[i].seq != 0 {
			m.shard.index.add(items[i], m.message.group)
		}
	}
	for _, s := range live {
		s.wake()
	}
	return sent, errs, p, nil
}

// prepare checks a message and encodes it, before any mutex is taken.
func (e *Engine) prepare(s *shard, m *Message, sent *Sent) (prepared, error) {
	set := s.definition().Settings
	if err := checkMessage(m, &set); err != nil {
		return prepared{}, err
	}
	st := &stored{
		sent: e.now(), md5: md5.Sum([]byte(m.Body)), sender: m.Sender, group: m.Group, dedup: m.DedupID, trace: m.Trace, attrs: m.Attributes, body: m.Body,
	}
	if _, err := rand.Read(st.id[:]); err != nil {
		return prepared{}, err
	}
	st.id[6], st.id[8] = st.id[6]&0x0f|0x40, st.id[8]&0x3f|0x80
	p := prepared{shard: s, message: st, delay: -1}
	if m.Delay != nil && !(set.FIFO && *m.Delay == 0) { // FIFO queues delay all messages alike
		p.delay = m.Delay.Milliseconds()
	}
	if set.FIFO {
		if st.dedup == "" {
			st.dedup = contentID(m.Body)
		}
		p.dedup = true
		p.hash = hashDedup(&set, st.group, st.dedup)
	}
	p.record = st.encode()
	*sent = Sent{MessageID: formatID(st.id), MD5Body: hex.EncodeToString(st.md5[:]), MD5Attributes: MD5OfAttributes(m.Attributes)}
	if m.Trace != "" {
		sent.MD5Trace = MD5OfAttributes([]Attribute{{Name: "AWSTraceHeader", Type: "String", Value: []byte(m.Trace)}})
	}
	return p, nil
}

// admit gives a message its number and writes it into b. it stays zero where the message is a duplicate.
func (s *shard) admit(b *kv.Batch, m *prepared, it *item, now int64, sent *Sent) {
	if m.dedup {
		if old, ok := s.known(m.hash, now); ok {
			sent.MessageID, sent.Sequence, sent.Duplicate = formatID(old.id), old.seq, true
			return
		}
	}
	it.seq, it.sent = s.number(b), m.message.sent
	if s.index.fifo {
		sent.Sequence = it.seq
		it.group = &group{name: m.message.group} // for appendState; the index sets the real one
	}
	delay := m.delay
	if delay < 0 {
		delay = s.def.Settings.Delay.Milliseconds()
	}
	if delay > 0 {
		it.at, it.state = now+delay, delayed
	}
	b.Set(messageKey(s.id, it.seq), m.record)
	s.put(b, it)
	if m.dedup {
		s.remember(b, m.hash, dedupEntry{id: m.message.id, seq: it.seq, at: now})
	}
}
