package logs

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/key"
)

func under(s ident.Scope, kind string) key.Key {
	return key.In(key.Logs).Str(s.Account).Str(s.Region).Str(kind)
}

func groupKey(s ident.Scope, group string) key.Key { return under(s, "group").Str(group) }

func streamKey(s ident.Scope, group, stream string) key.Key {
	return under(s, "stream").Str(group).Str(stream)
}

func eventKey(s ident.Scope, group string, ms int64, seq uint64, stream string) key.Key {
	return under(s, "event").Str(group).Int(ms).Uint(seq).Str(stream)
}

func indexKey(s ident.Scope, group, stream string, ms int64, seq uint64) key.Key {
	return under(s, "of").Str(group).Str(stream).Int(ms).Uint(seq)
}

func readEventKey(k []byte) (ms int64, seq uint64, stream string, err error) {
	r := key.Read(k, key.Logs)
	for range 4 {
		_ = r.Str()
	}
	ms, seq, stream = r.Int(), r.Uint(), r.Str()
	return ms, seq, stream, r.Err()
}

func readIndex(k []byte) (stream string, ms int64, seq uint64, err error) {
	r := key.Read(k, key.Logs)
	for range 4 {
		_ = r.Str()
	}
	stream, ms, seq = r.Str(), r.Int(), r.Uint()
	return stream, ms, seq, r.Err()
}

// maxName is how many characters a name may have. Counts in regular expressions would make them slow to compile.
const maxName = 512

var (
	groupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`)
	streamName = regexp.MustCompile(`^[^:*]+$`)
)

func checkGroupName(name string) error {
	if utf8.RuneCountInString(name) > maxName || !groupName.MatchString(name) {
		return fmt.Errorf("%w: log group name %q: want 1 to 512 of a-z A-Z 0-9 _ - / . #", ErrBadInput, name)
	}
	return nil
}

func checkStreamName(name string) error {
	if utf8.RuneCountInString(name) > maxName || !streamName.MatchString(name) {
		return fmt.Errorf("%w: log stream name %q: want 1 to 512 characters without : and *", ErrBadInput, name)
	}
	return nil
}
