package topic

import (
	"errors"
	"testing"
)

func TestMemo(t *testing.T) {
	m, calls := &Memo{}, 0
	get := func(key string, err error) (string, error) {
		return m.Once(key, func() (string, error) { calls++; return key + "!", err })
	}
	if _, err := get("a", errors.New("failed")); err == nil || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	for range 2 { // what failed is made again, once
		if v, err := get("a", nil); v != "a!" || err != nil || calls != 2 {
			t.Errorf("%q, %v after %d calls", v, err, calls)
		}
	}
	m = nil
	if v, _ := get("a", nil); v != "a!" || calls != 3 {
		t.Errorf("nil keeps nothing: %d calls", calls)
	}
}
