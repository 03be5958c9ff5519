package objstore

import (
	"context"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// EventSink takes the events of writes into the batch of the write, so that none is lost or invented.
type EventSink interface {
	Add(b *kv.Batch, e Event)
}

// Event is a write that a bucket's notification configuration asks to be told about.
type Event struct {
	Name      string // "ObjectCreated:Put", without the "s3:" of the configuration
	Time      time.Time
	Bucket    string
	Scope     ident.Scope // of the bucket
	Key       string
	Size      int64  // 0 where no object was made
	ETag      string // "" where a version is gone for good
	Version   string // "" in buckets without versioning and for null versions
	Sequencer string // orders the events of one key; "" for changes that make or remove no version
	Class     string `json:",omitempty"` // new storage class of a transition
	By        Actor
	Targets   []Target // whom the configuration names; may be empty when EventBridge is set
	// EventBridge says that the default bus of the bucket's scope gets the event too.
	EventBridge bool
}

// Target is an entry of a notification configuration that matched.
type Target struct {
	ID  string // of the configuration
	ARN string // of the function, queue or topic
}

// Actor is who made a request, as events tell it. The zero value is Tarn itself.
type Actor struct {
	PrincipalID string
	Account     string // of the principal; "" = anonymous
	RequestID   string
	SourceIP    string
	Trace       string `json:",omitempty"` // the trace header of the request; "" = none
}

// Write is a change of an object, as it is recorded.
type Write struct {
	Bucket *Bucket
	Object *Object // what was written; for a removal, what is gone or the delete marker
	Source *Object // what it was copied from; nil for other writes
	Event  string  // "ObjectCreated:Copy"
	By     Actor
}

// Notification is a bucket's notification configuration.
type Notification struct {
	Functions   []Notify `json:",omitempty"`
	Queues      []Notify `json:",omitempty"`
	Topics      []Notify `json:",omitempty"`
	EventBridge bool     `json:",omitempty"`
}

// Notify is an entry of it.
type Notify struct {
	ID     string
	ARN    string
	Events []string // "s3:ObjectCreated:*"
	Prefix string   `json:",omitempty"`
	Suffix string   `json:",omitempty"`
	// A rule that is there but empty selects everything; it is shown as it was given.
	EmptyPrefix bool `json:",omitempty"`
	EmptySuffix bool `json:",omitempty"`
}

// All returns the entries of all kinds.
func (n *Notification) All() []Notify {
	var all []Notify
	if n != nil {
		all = append(append(append(all, n.Functions...), n.Queues...), n.Topics...)
	}
	return all
}

// EventTypes are the events that a configuration may name, without wildcards. Those of the second group tell of what never
// happens here: no object is lost, replicated, restored or moved between tiers.
var EventTypes = []string{
	"s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload",
	"s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated",
	"s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
	"s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectAcl:Put", "s3:LifecycleTransition",

	"s3:ReducedRedundancyLostObject", "s3:IntelligentTiering",
	"s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete",
	"s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
	"s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked",
}

// matches reports whether the entry asks for the event of that name on that key.
func (n *Notify) matches(event, key string) bool {
	if !strings.HasPrefix(key, n.Prefix) || !strings.HasSuffix(key, n.Suffix) {
		return false
	}
	for _, e := range n.Events {
		e = strings.TrimPrefix(e, "s3:")
		if e == event || strings.HasSuffix(e, "*") && strings.HasPrefix(event, e[:len(e)-1]) {
			return true
		}
	}
	return false
}

// TestEvent is the name of the event that tells queues and topics that they have been connected to a bucket.
const TestEvent = "TestEvent"

// SetNotification replaces a bucket's notification configuration; nil removes it. With test, its queues and topics are
// told by a TestEvent, in the batch of the change. Errors: ErrNoSuchBucket.
func (s *Store) SetNotification(ctx context.Context, bucket string, n *Notification, by Actor, test bool) error {
	p, err := s.update(ctx, bucket, func(bk *Bucket, b *kv.Batch) error {
		bk.Notification = n
		if s.events == nil || n == nil || !test {
			return nil
		}
		e := Event{Name: TestEvent, Time: s.clock.Now().UTC(), Bucket: bk.Name, Scope: bk.Scope(), By: by}
		told := map[string]bool{} // once, however many entries name it
		for _, list := range [][]Notify{n.Queues, n.Topics} {
			for i := range list {
				if !told[list[i].ARN] {
					told[list[i].ARN] = true
					e.Targets = append(e.Targets, Target{ID: list[i].ID, ARN: list[i].ARN})
				}
			}
		}
		if len(e.Targets) > 0 {
			s.events.Add(b, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return mapError(p.Wait(ctx))
}

// emptyETag is the MD5 of nothing, which events show for a delete marker.
const emptyETag = "d41d8cd98f00b204e9800998ecf8427e"

// emit adds the event of w where somebody asked for it.
func (s *Store) emit(b *kv.Batch, w Write) {
	n := w.Bucket.Notification
	if s.events == nil || n == nil || w.Event == "" {
		return
	}
	o := w.Object
	e := Event{
		Name: w.Event, Time: s.clock.Now().UTC(), Bucket: o.Bucket, Scope: w.Bucket.Scope(), Key: o.Key,
		By: w.By, EventBridge: n.EventBridge,
	}
	for _, list := range [][]Notify{n.Functions, n.Queues, n.Topics} {
		for i := range list {
			if list[i].matches(w.Event, o.Key) {
				e.Targets = append(e.Targets, Target{ID: list[i].ID, ARN: list[i].ARN})
			}
		}
	}
	if len(e.Targets) == 0 && !e.EventBridge {
		return
	}
	if o.Version != NullVersion {
		e.Version = o.Version
	}
	switch kind, how, _ := strings.Cut(w.Event, ":"); {
	case kind == "ObjectCreated":
		e.Size, e.ETag, e.Sequencer = o.Size, o.ETag, o.Sequencer()
	case how == "DeleteMarkerCreated":
		e.ETag, e.Sequencer = emptyETag, o.Sequencer()
	case kind == "LifecycleTransition":
		e.Size, e.ETag, e.Class = o.Size, o.ETag, o.Metadata.StorageClass
	case kind == "ObjectTagging", kind == "ObjectAcl":
		e.ETag = o.ETag
	default:
		e.Sequencer = o.Sequencer()
	}
	s.events.Add(b, e)
}
