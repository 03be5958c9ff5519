package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/tarn-data/tarn/internal/kv"
)

// maxRecords bounds a recordCache; a full one starts anew.
const maxRecords = 4096

// recordCache keeps the decoded form of records of state machines. The store is read each time and decides: a record
// whose bytes are not those that were decoded is decoded again. The zero value is ready.
type recordCache struct {
	mu   sync.RWMutex // guards kept
	kept map[string]decodedRecord
}

type decodedRecord struct {
	bytes  []byte
	record Machine
}

// load returns a record that is the caller's own but for its slices, which nobody changes in place.
func (c *recordCache) load(ctx context.Context, r kv.Reader, key []byte) (*Machine, error) {
	data, err := r.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	d, ok := c.kept[string(key)]
	c.mu.RUnlock()
	if !ok || !bytes.Equal(d.bytes, data) {
		d = decodedRecord{bytes: data}
		if err := json.Unmarshal(data, &d.record); err != nil {
			return nil, fmt.Errorf("decode state machine at %q: %w", key, err)
		}
		c.mu.Lock()
		if c.kept == nil || len(c.kept) >= maxRecords {
			c.kept = map[string]decodedRecord{}
		}
		c.kept[string(key)] = d
		c.mu.Unlock()
	}
	m := d.record
	return &m, nil
}
