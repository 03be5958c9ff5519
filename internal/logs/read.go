package logs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Query selects events. The zero value of a field selects all.
type Query struct {
	Start, End time.Time // Start <= time < End
	Limit      int       // events a page; 0 = 10,000
	Token      string    // of an earlier page
}

// Get reads a stream. Without a token it starts at the stream's beginning (fromHead) or with its last page. forward and
// back are the tokens of the next and the previous page; when there is nothing more, the same token comes again.
func (l *Store) Get(ctx context.Context, s ident.Scope, group, stream string, q Query, fromHead bool) (events []Event, forward, back string, err error) {
	g, err := l.Group(ctx, s, group)
	if err != nil {
		return nil, "", "", err
	}
	if _, err := l.Stream(ctx, s, group, stream); err != nil {
		return nil, "", "", err
	}
	base := under(s, "of").Str(group).Str(stream)
	rng := kv.Range{Lo: base.Clone().Int(max(millis(q.Start, 0), millis(l.horizon(g), 0))), Hi: base.End()}
	if !q.End.IsZero() {
		rng.Hi = base.Clone().Int(q.End.UnixMilli())
	}
	rng.Reverse = !fromHead
	pos := position{}
	if q.Token != "" {
		if pos, err = parsePosition(q.Token); err != nil {
			return nil, "", "", err
		}
		switch at := base.Clone().Int(pos.ms).Uint(pos.seq); pos.dir {
		case 'f':
			rng.Reverse, rng.Lo = false, at.End()
		case 'b':
			rng.Reverse, rng.Hi = true, at
		}
	}
	limit := pageLimit(q.Limit)
	for it, err := range l.kv.Scan(ctx, rng) {
		if err != nil {
			return nil, "", "", fmt.Errorf("read stream %s: %w", stream, err)
		}
		_, ms, seq, err := readIndex(it.Key)
		if err != nil {
			return nil, "", "", err
		}
		k := eventKey(s, group, ms, seq, stream)
		v, err := l.kv.Get(ctx, k)
		if errors.Is(err, kv.ErrNotFound) {
			continue // it went since the scan began: its stream was deleted, or it grew too old
		}
		if err != nil {
			return nil, "", "", fmt.Errorf("read event of %s: %w", stream, err)
		}
		e, err := decodeEvent(kv.Item{Key: k, Value: v})
		if err != nil {
			return nil, "", "", err
		}
		if events = append(events, e); len(events) == limit {
			break
		}
	}
	if rng.Reverse {
		for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
			events[i], events[j] = events[j], events[i]
		}
	}
	first, last := pos, pos
	if len(events) > 0 {
		first = position{ms: events[0].Time.UnixMilli(), seq: events[0].Seq}
		last = position{ms: events[len(events)-1].Time.UnixMilli(), seq: events[len(events)-1].Seq}
	}
	first.dir, last.dir = 'b', 'f'
	return events, last.String(), first.String(), nil
}

// Filter reads a group in the order of time: the events of the given streams (nil = all; prefix selects by name) that
// match pattern. next is the token of the next page, "" at the end.
func (l *Store) Filter(ctx context.Context, s ident.Scope, group string, streams []string, prefix, pattern string, q Query) (events []Event, next string, err error) {
	g, err := l.Group(ctx, s, group)
	if err != nil {
		return nil, "", err
	}
	match, err := ParsePattern(pattern)
	if err != nil {
		return nil, "", err
	}
	wanted := map[string]bool{}
	for _, name := range streams {
		if _, err := l.Stream(ctx, s, group, name); err != nil {
			return nil, "", err
		}
		wanted[name] = true
	}
	base := under(s, "event").Str(group)
	rng := kv.Range{Lo: base.Clone().Int(max(millis(q.Start, 0), millis(l.horizon(g), 0))), Hi: base.End()}
	if !q.End.IsZero() {
		rng.Hi = base.Clone().Int(q.End.UnixMilli())
	}
	if q.Token != "" {
		pos, err := parsePosition(q.Token)
		if err != nil {
			return nil, "", err
		}
		rng.Lo = base.Clone().Int(pos.ms).Uint(pos.seq).End()
	}
	limit := pageLimit(q.Limit)
	for it, err := range l.kv.Scan(ctx, rng) {
		if err != nil {
			return nil, "", fmt.Errorf("read group %s: %w", group, err)
		}
		e, err := decodeEvent(it)
		if err != nil {
			return nil, "", err
		}
		if len(wanted) > 0 && !wanted[e.Stream] || !strings.HasPrefix(e.Stream, prefix) || !match.Match(e.Message) {
			continue
		}
		if len(events) == limit {
			last := events[limit-1]
			return events, position{'f', last.Time.UnixMilli(), last.Seq}.String(), nil
		}
		events = append(events, e)
	}
	return events, "", nil
}

// ID returns the identifier that CloudWatch shows for an event: 56 digits.
func (e Event) ID() string { return fmt.Sprintf("%028d%028d", e.Time.UnixMilli(), e.Seq) }

// position is a place between events: what a token holds.
type position struct {
	dir byte // 'f' = go on after it, 'b' = go back from it
	ms  int64
	seq uint64
}

func (p position) String() string { return fmt.Sprintf("%c/%020d%020d", p.dir, p.ms, p.seq) }

func parsePosition(s string) (position, error) {
	if len(s) != 42 || (s[0] != 'f' && s[0] != 'b') || s[1] != '/' {
		return position{}, ErrBadToken
	}
	ms, err1 := strconv.ParseInt(s[2:22], 10, 64)
	seq, err2 := strconv.ParseUint(s[22:], 10, 64)
	if err1 != nil || err2 != nil {
		return position{}, ErrBadToken
	}
	return position{s[0], ms, seq}, nil
}

func pageLimit(n int) int {
	if n <= 0 || n > defaultPageLimit {
		return defaultPageLimit
	}
	return n
}

func millis(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return t.UnixMilli()
}
