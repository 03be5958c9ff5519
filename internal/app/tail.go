package app

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/topic"
)

// TailedMessage is a message of a topic as the command line shows it.
type TailedMessage struct {
	Time       time.Time         `json:"time"`
	ID         string            `json:"id"`
	Subject    string            `json:"subject,omitempty"`
	Message    string            `json:"message"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Group      string            `json:"group,omitempty"`
	Sequence   string            `json:"sequenceNumber,omitempty"`
}

// isAdmin reports whether a request has the token of the data directory; others are answered.
func (a *App) isAdmin(w http.ResponseWriter, r *http.Request) bool {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(token), []byte(a.admin)) == 1 {
		return true
	}
	http.Error(w, `{"error":"the token of the data directory is required"}`, http.StatusForbidden)
	return false
}

// stream writes what next returns, a line of JSON each, until the client goes or the server stops.
func stream[V any](a *App, w http.ResponseWriter, r *http.Request, values <-chan V, line func(V) ([]byte, bool)) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w)
	_ = flush.Flush() // so that the client knows that it watches
	for {
		select {
		case <-r.Context().Done():
			return
		case <-a.stopping:
			return
		case v := <-values:
			text, ok := line(v)
			if !ok {
				continue
			}
			if _, err := w.Write(append(text, '\n')); err != nil {
				return
			}
			if len(values) == 0 {
				_ = flush.Flush()
			}
		}
	}
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // the client may be gone
}

// tailEvents answers GET /_tarn/events/tail?bus=NAME&pattern=JSON.
func (a *App) tailEvents(w http.ResponseWriter, r *http.Request) {
	if !a.isAdmin(w, r) {
		return
	}
	q := r.URL.Query()
	var pattern *eventpattern.Pattern
	if text := q.Get("pattern"); text != "" {
		var err error
		if pattern, err = eventpattern.Compile([]byte(text)); err != nil {
			refuse(w, fmt.Errorf("pattern: %w", err))
			return
		}
	}
	bus := event.BusRef{Scope: ident.Scope{Account: a.cfg.Account, Region: a.cfg.Region}, Name: q.Get("bus")}
	events, stop, err := a.Events.Tail(bus)
	if err != nil {
		refuse(w, err)
		return
	}
	defer stop()
	stream(a, w, r, events, func(s event.Seen) ([]byte, bool) { return s.Text, pattern == nil || pattern.Match(s.Doc) })
}

// tailTopic answers GET /_tarn/topic/tail?topic=NAME.
func (a *App) tailTopic(w http.ResponseWriter, r *http.Request) {
	if !a.isAdmin(w, r) {
		return
	}
	ref := topic.Ref{Scope: ident.Scope{Account: a.cfg.Account, Region: a.cfg.Region}, Name: r.URL.Query().Get("topic")}
	messages, stop, err := a.Topics.Tail(ref)
	if err != nil {
		refuse(w, fmt.Errorf("topic %s: %w", ref.Name, err))
		return
	}
	defer stop()
	stream(a, w, r, messages, func(m topic.Message) ([]byte, bool) {
		out := TailedMessage{Time: a.clock.Now(), ID: m.ID, Subject: m.Subject, Message: m.Body, Group: m.Group, Sequence: m.Sequence}
		for _, x := range m.Attributes {
			if out.Attributes == nil {
				out.Attributes = map[string]string{}
			}
			out.Attributes[x.Name] = string(x.Value)
		}
		text, err := json.Marshal(out)
		return text, err == nil
	})
}
