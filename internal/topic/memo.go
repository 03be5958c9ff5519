package topic

import "sync"

// Memo keeps what is worked out once for all deliveries of a message, as its signature. Its methods are safe for concurrent use;
// those of nil keep nothing.
type Memo struct {
	mu   sync.Mutex
	held map[string]string
}

// Once returns what make returned for a key before, or calls it.
func (m *Memo) Once(key string, make func() (string, error)) (string, error) {
	if m == nil {
		return make()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.held[key]; ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return "", err
	}
	if m.held == nil {
		m.held = map[string]string{}
	}
	m.held[key] = v
	return v, nil
}
