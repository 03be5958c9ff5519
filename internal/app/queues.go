package app

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/queue"
)

// PeekedMessage is a message as the command line shows it.
type PeekedMessage struct {
	ID       string    `json:"id"`
	State    string    `json:"state"` // visible, delayed or inflight
	Sent     time.Time `json:"sent"`
	Receives int       `json:"receives"`
	Group    string    `json:"group,omitempty"`
	DeadOf   string    `json:"deadLetterOf,omitempty"`
	Body     string    `json:"body"`
}

// Peeked is a page of messages.
type Peeked struct {
	Messages []PeekedMessage `json:"messages"`
	Last     uint64          `json:"last"` // go on after it
	More     bool            `json:"more"`
}

// maxPeek is how many messages a page has.
const maxPeek = 1000

// peekQueue answers GET /_tarn/queue/messages?queue=NAME&after=N&limit=N. It changes nothing.
func (a *App) peekQueue(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	after, err := strconv.ParseUint(q.Get("after"), 10, 64)
	if err != nil && q.Get("after") != "" {
		return nil, fmt.Errorf("after: %q is no number", q.Get("after"))
	}
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > maxPeek {
		limit = maxPeek
	}
	ref := queue.Ref{Scope: ident.Scope{Account: a.cfg.Account, Region: a.cfg.Region}, Name: q.Get("queue")}
	list, next, err := a.Queues.Peek(ctx, ref, after, limit)
	if err != nil {
		return nil, err
	}
	out := Peeked{Messages: []PeekedMessage{}, Last: max(after, next), More: next != 0}
	for _, m := range list {
		out.Messages = append(out.Messages, PeekedMessage{ID: m.ID, State: m.State, Sent: m.Sent, Receives: m.Count, Group: m.Group, DeadOf: m.DeadLetterOf, Body: m.Body})
		out.Last = max(out.Last, m.Sequence)
	}
	return out, nil
}
