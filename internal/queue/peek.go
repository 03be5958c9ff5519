package queue

import (
	"context"
	"errors"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

// Peek shows messages in the order in which they were sent, after the number given, whatever their state, with their sequence numbers. It
// changes nothing. next is the number to go on after; 0 = that was all.
func (e *Engine) Peek(ctx context.Context, r Ref, after uint64, limit int) (list []Received, next uint64, err error) {
	s, err := e.shard(r)
	if err != nil {
		return nil, 0, err
	}
	if err := s.lock(ctx); err != nil {
		return nil, 0, err
	}
	s.index.advance(e.now())
	s.mu.Unlock()
	rng := kv.Prefix(messagePrefix(s.id))
	rng.Lo = messageKey(s.id, after+1)
	for it, err := range e.store.Scan(ctx, rng) {
		if errors.Is(err, kv.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		if len(list) == limit {
			return list, next, nil
		}
		m, err := decodeStored(it.Value)
		if err != nil {
			continue
		}
		seq := sequenceOf(it.Key)
		out := m.received(seq, true)
		out.State = visible.String()
		s.mu.Lock()
		if i := s.index.items[seq]; i != nil {
			out.State, out.Count, out.FirstReceived = i.state.String(), int(m.base+i.count), timeOf(i.first)
		}
		s.mu.Unlock()
		list, next = append(list, out), seq
	}
	return list, 0, nil
}

// Policy returns the parsed policy of a queue; nil where it has none.
func (e *Engine) Policy(r Ref) (*policy.Document, error) {
	s, err := e.shard(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policy, nil
}

// Permits reports whether the policy of a queue lets a service send to it on behalf of a resource.
func (e *Engine) Permits(r Ref, service, sourceARN, sourceAccount string) bool {
	doc, err := e.Policy(r)
	if err != nil || doc == nil {
		return false
	}
	q := &policy.Request{Principal: policy.ForService(service, sourceAccount), Action: "sqs:SendMessage", Resource: r.ARN(), Account: r.Account, ResourcePolicy: doc, Keys: policy.Keys{}}
	q.Keys.Set("aws:SourceArn", sourceARN)
	q.Keys.Set("aws:SourceAccount", sourceAccount)
	q.Keys.Set("aws:SecureTransport", "true") // inside the process
	return policy.Evaluate(q).Allowed
}
