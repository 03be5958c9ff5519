package queue

import (
	"time"

	"github.com/tarn-data/tarn/internal/ident"
)

// Limits of Amazon SQS.
const (
	MaxMessageBytes    = 1 << 20 // since August 2025; also of all the messages of a batch
	MinMessageBytes    = 1 << 10 // the least that MaxMessageBytes of a queue can be set to
	MaxAttributes      = 10
	MaxDelay           = 15 * time.Minute
	MaxVisibility      = 12 * time.Hour
	MinRetention       = time.Minute
	MaxRetention       = 14 * 24 * time.Hour
	MaxWait            = 20 * time.Second
	MaxBatch           = 10
	MaxInFlight        = 120_000
	MaxReceiveCount    = 1000
	DedupWindow        = 5 * time.Minute
	MaxTags            = 50
	defaultRetention   = 4 * 24 * time.Hour
	defaultVisibility  = 30 * time.Second
	purgeInterval      = time.Minute
	maxSourcesPerAllow = 10
)

// Ref names a queue.
type Ref struct {
	ident.Scope
	Name string
}

// ARN returns arn:aws:sqs:REGION:ACCOUNT:NAME.
func (r Ref) ARN() string { return r.Scope.ARN("sqs", r.Name) }

// ParseARN reads the ARN of a queue.
func ParseARN(arn string) (Ref, bool) {
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "sqs" || a.Region == "" || a.Account == "" {
		return Ref{}, false
	}
	return Ref{Scope: a.Scope(), Name: a.Resource}, true
}

// Settings are what a user decides about a queue. Make them with Defaults.
type Settings struct {
	Visibility      time.Duration // how long a received message is hidden, unless the receive says otherwise
	Delay           time.Duration // how long a sent message is hidden, unless the send says otherwise
	Retention       time.Duration // after which a message is deleted
	Wait            time.Duration // how long an empty receive waits, unless it says otherwise
	MaxMessageBytes int
	FIFO            bool
	ContentDedup    bool          `json:",omitempty"` // the hash of the body is the deduplication id where none is given
	DedupPerGroup   bool          `json:",omitempty"` // ids count within a group
	LimitPerGroup   bool          `json:",omitempty"` // recorded: Tarn does not throttle
	Redrive         *Redrive      `json:",omitempty"`
	RedriveAllow    *RedriveAllow `json:",omitempty"`
	Policy          string        `json:",omitempty"`
	Unencrypted     bool          `json:",omitempty"` // SqsManagedSseEnabled=false; recorded
}

// Defaults returns the settings of a queue whose creator says nothing.
func Defaults() Settings {
	return Settings{Visibility: defaultVisibility, Retention: defaultRetention, MaxMessageBytes: MaxMessageBytes}
}

// Redrive says where a message goes that was received too often.
type Redrive struct {
	TargetARN   string
	MaxReceives int // 1 to 1000
}

// RedriveAllow says which queues may use a queue for their dead letters; nil = all.
type RedriveAllow struct {
	Permission string   // allowAll, denyAll or byQueue
	Sources    []string `json:",omitempty"` // ARNs, for byQueue
}

// Queue is a queue's definition.
type Queue struct {
	Ref
	ID       uint64 // of its messages' keys; a queue made anew under the same name has another one
	Secret   []byte // signs receipt handles
	Settings Settings
	Tags     map[string]string `json:",omitempty"`
	Created  time.Time
	Modified time.Time
}

// Attribute is a user's attribute of a message.
type Attribute struct {
	Name  string
	Type  string // String, Number or Binary, perhaps with a label: "Number.float"
	Value []byte // of String and Number: UTF-8
}

// Message is a message to send.
type Message struct {
	Body       string
	Attributes []Attribute
	Trace      string // AWSTraceHeader; "" = none
	Sender     string // id of the principal
	Delay      *time.Duration
	Group      string // of FIFO queues, and for fair queues
	DedupID    string // of FIFO queues
}

// Sent is the answer to a send.
type Sent struct {
	MessageID     string
	MD5Body       string
	MD5Attributes string // "" = no attributes
	MD5Trace      string // "" = no trace header
	Sequence      uint64 // of FIFO queues; 0 otherwise
	Duplicate     bool   // the message had been sent before and was not added again
}

// Received is a message that was given to a consumer, or that Peek shows.
type Received struct {
	ID            string
	Handle        string // "" from Peek
	Body          string
	MD5Body       string
	Attributes    []Attribute // sorted by name
	Trace         string
	Sender        string
	Group         string
	DedupID       string
	Sequence      uint64 // of FIFO queues; 0 otherwise
	DeadLetterOf  string // ARN of the queue that gave the message up
	Sent          time.Time
	FirstReceived time.Time // zero = never
	Count         int       // receives so far, this one included
	State         string    // from Peek: visible, delayed or inflight
}

// Counts tells how many messages a queue has. They are exact.
type Counts struct{ Visible, InFlight, Delayed int }

// Incoming is a message on its way to a queue.
type Incoming struct {
	Queue   Ref
	Message Message
}

// ReceiveRequest asks for messages.
type ReceiveRequest struct {
	Max        int            // 1 to 10; Consume takes more
	Visibility *time.Duration // nil = the queue's
	Wait       *time.Duration // nil = the queue's
	AttemptID  string         // of FIFO queues: the same id gives the same messages again
	LimitError bool           // answer ErrOverLimit where too many are in flight; else nothing is returned
}
