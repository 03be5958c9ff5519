package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// Kind is the type of a state machine.
type Kind string

// The types of state machines.
const (
	Standard Kind = "STANDARD"
	Express  Kind = "EXPRESS"
)

// Logging is a state machine's log configuration.
type Logging struct {
	Level       string   `json:",omitempty"` // ALL, ERROR, FATAL, OFF; "" = OFF
	IncludeData bool     `json:",omitempty"`
	Groups      []string // ARNs of log groups; nil = never given
}

// Machine is a state machine or, with Version set, one of its versions.
type Machine struct {
	ident.Scope
	Name        string
	ARN         string
	Definition  string `json:"-"`
	Hash        string
	RoleARN     string
	Kind        Kind
	Created     time.Time
	Updated     time.Time
	Revision    string // "" until the first update
	Logging     Logging
	Tracing     bool
	Tags        []Tag  `json:",omitempty"`
	Version     int64  `json:",omitempty"` // of a version
	Description string `json:",omitempty"` // of a version
	LastVersion int64  `json:",omitempty"`
	Deleting    bool   `json:",omitempty"`
}

// Tag is a key with a value.
type Tag struct{ Key, Value string }

// Record is an execution as it is kept and described.
type Record struct {
	ident.Scope
	Key           uint64
	ARN           string
	Name          string
	Machine       string // name; "NAME/LABEL" for children of a map run
	MachineARN    string
	Version       string `json:",omitempty"` // ARN
	Alias         string `json:",omitempty"` // ARN
	RoleARN       string
	Hash          string // of the definition
	Revision      string `json:",omitempty"`
	Status        interp.Status
	Input         string
	Output        string  `json:",omitempty"`
	Error         *string `json:",omitempty"`
	Cause         *string `json:",omitempty"`
	Start         time.Time
	Stop          time.Time
	Trace         string         `json:",omitempty"`
	Redrives      int            `json:",omitempty"`
	Redriven      time.Time      // of the newest redrive
	Events        int64          `json:",omitempty"` // in the history, when the execution had ended
	RedriveTokens []RedriveToken `json:",omitempty"` // the newest
	Threads       uint32         `json:",omitempty"` // the newest thread then: numbers of threads are not used twice
	MapRun        string         `json:",omitempty"` // ARN of the map run that the execution is a child of
	Index         int            `json:",omitempty"` // in the map run
	Item          string         `json:",omitempty"`
	Items         int            `json:",omitempty"` // how many items a child of a map run handles
	Processor     string         `json:",omitempty"` // for children of a map run: the Map state whose processor runs
	Logging       Logging
	Tracing       bool      `json:",omitempty"`
	Updated       time.Time // of the state machine at the start
	Express       bool      `json:",omitempty"`
}

// RedriveToken is a token that a request for a redrive came with, and the time of that redrive.
type RedriveToken struct {
	Token string
	At    time.Time
}

// Listed is an execution in a list.
type Listed struct {
	ARN, Name, MachineARN string
	Version, Alias        string `json:",omitempty"`
	Status                interp.Status
	Start, Stop           time.Time
	MapRun                string `json:",omitempty"`
	Items                 int    `json:",omitempty"`
	Redrives              int    `json:",omitempty"`
	Redriven              time.Time
}

func (r *Record) listed() Listed {
	return Listed{r.ARN, r.Name, r.MachineARN, r.Version, r.Alias, r.Status, r.Start, r.Stop, r.MapRun, r.Items, r.Redrives, r.Redriven}
}

func hashOf(definition string) string {
	h := sha256.Sum256([]byte(definition))
	return hex.EncodeToString(h[:])
}
