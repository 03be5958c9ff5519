package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// idleDefinitions are texts that nothing referred to at the last sweep. The zero value is ready to use.
type idleDefinitions struct {
	mu   sync.Mutex
	hash map[string]bool
}

// putDefinition adds the text of a definition to a batch.
func (e *Engine) putDefinition(b *kv.Batch, m *Machine) {
	e.idle.mu.Lock()
	delete(e.idle.hash, m.Hash) // it is about to be referred to: a sweep under way must let it be
	e.idle.mu.Unlock()
	b.Set(definitionKey(m.Hash), []byte(m.Definition))
}

// sweepDefinitions removes the texts that no state machine, version or execution refers to. Only what the sweep before found without
// a reference too is removed: an execution may just be starting with the text that its state machine had a moment ago.
func (e *Engine) sweepDefinitions(ctx context.Context) error {
	unused := map[string]bool{}
	for it, err := range e.store.Scan(ctx, kv.Prefix(key.In(key.Workflow).Str("d"))) {
		if err != nil {
			return fmt.Errorf("scan definitions: %w", err)
		}
		r := key.Read(it.Key, key.Workflow)
		r.Str()
		unused[r.Str()] = true
	}
	for _, kind := range []string{"m", "v", "x"} { // executions are many, and read only where a text is left
		if len(unused) == 0 {
			break
		}
		for it, err := range e.store.Scan(ctx, kv.Prefix(key.In(key.Workflow).Str(kind))) {
			if err != nil {
				return fmt.Errorf("scan references to definitions: %w", err)
			}
			var of struct{ Hash string }
			if err := json.Unmarshal(it.Value, &of); err != nil {
				return fmt.Errorf("decode record at %q: %w", it.Key, err)
			}
			delete(unused, of.Hash)
		}
	}
	p, err := e.dropIdle(unused)
	if err != nil || p == nil {
		return err
	}
	return p.Wait(ctx)
}

// dropIdle removes what is unused once more and keeps the rest in mind.
func (e *Engine) dropIdle(unused map[string]bool) (kv.Pending, error) {
	e.idle.mu.Lock()
	defer e.idle.mu.Unlock()
	var b kv.Batch
	for hash := range unused {
		if e.idle.hash[hash] {
			b.Delete(definitionKey(hash))
			e.definition.Delete(hash)
			delete(unused, hash)
		}
	}
	e.idle.hash = unused
	if b.Empty() {
		return nil, nil
	}
	return e.store.Apply(context.Background(), &b) // it does not wait for the disk
}
