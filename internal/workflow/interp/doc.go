// Package interp runs state machines as a pure step function: an execution's state and one event go in, the changed
// state, history events and effects come out. It does no I/O, reads no clock and starts nothing; package workflow is
// the shell around it.
//
// An execution is a tree of threads. The root runs the definition; a Parallel state has a thread for each branch and an
// inline Map one for each iteration under way. A thread stands in one state and in one phase of it.
//
// What a shell can rely on:
//
//	I1  A Step changes State only through its methods; after each call Dirty, Gone, Items, Results and Events tell all
//	    that must be stored, in one batch, for the execution to resume exactly there.
//	I2  Event ids are gapless from 1. Every event of a step has the step's time.
//	I3  An effect names thread and attempt. Its outcome is ignored unless the thread still waits for that attempt, so
//	    that an outcome that comes twice, late or after a retry changes nothing.
//	I4  A thread whose phase is not Ready waits for something: its Due time, an outcome or its children. When More is
//	    true after a call, threads are ready and the shell must call Continue.
package interp

import (
	"time"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// Status is the state of an execution.
type Status string

// The states of executions.
const (
	Running       Status = "RUNNING"
	Succeeded     Status = "SUCCEEDED"
	Failed        Status = "FAILED"
	TimedOut      Status = "TIMED_OUT"
	Aborted       Status = "ABORTED"
	PendingRedive Status = "PENDING_REDRIVE"
)

// Info is what never changes about an execution.
type Info struct {
	ARN         string
	Name        string
	MachineARN  string
	MachineName string
	RoleARN     string
	Region      string
	Account     string
	Input       string // JSON
	Start       time.Time
	Redrives    int
	Redriven    time.Time // of the newest redrive
	Child       bool      // of a distributed Map
	Express     bool
	Tested      bool   // a state is tried out
	Item        string // JSON of $$.Map.Item for a child of a distributed Map; "" = none
	Key         uint64 // the shell's own number of the execution, part of task tokens
	VersionARN  string
	AliasARN    string
}

// State is an execution that is under way or has ended.
type State struct {
	Info
	Status     Status
	Output     string // JSON; "" = none
	Error      *string
	Cause      *string
	Stop       time.Time
	LastEvent  int64
	LastThread uint32
	Threads    map[uint32]*Thread
	parsed     any // of Input
}

// Phase is what a thread is waiting for in its state.
type Phase uint8

// The phases.
const (
	Ready    Phase = iota // the state is still to be entered
	Waiting               // a Wait state: until Due
	Retrying              // the state failed and is tried again at Due
	Tasking               // a Task state: until its outcome comes
	Joining               // a Parallel or inline Map state: until its children have ended
	Mapping               // a distributed Map: until its run has ended
	Pending               // a retry that is due
)

// Thread is one line of control of an execution.
type Thread struct {
	ID, Parent uint32 // Parent is 0 for the root
	Index      int    // the branch or iteration that the thread is
	State      string
	Phase      Phase
	Prev       int64 // the thread's newest event
	Before     int64 // the newest event when the state was entered
	Entered    int64 // the event at which the state was entered
	EnteredAt  time.Time
	Vars       map[string]string // variables of this scope: JSON by name
	Tries      []int             // used attempts of each retrier
	Retries    int
	Due        time.Time // when the thread must be woken; zero = never

	Attempt   uint32 // counts starts of tasks and map runs
	Token     string // the secret part of the task's token
	Started   bool   // an activity's worker has taken the task
	Submitted bool   // the job runs, or the token is out
	Handle    string // what identifies a job that was started
	Deadline  time.Time
	Heartbeat time.Duration // 0 = none is asked for
	BeatBy    time.Time

	// Of a Map or Parallel state: its children, and how many were started, go on and have ended. Of a distributed Map, Done is
	// how often its run was redriven.
	Total, Next, Active, Done int
	Limit                     int // iterations at a time
	MapRun                    string

	Stored bool // the thread is in the store
	Filled bool // so are items or results of it

	in      payload
	items   []any
	results []string
}

// Input returns the JSON that the thread's state got.
func (t *Thread) Input() string { return t.in.json() }

// TaskStart asks for a task to be started, or taken up again after a restart.
type TaskStart struct {
	Thread, Attempt uint32
	State           *asl.State
	Input           string // JSON
	RoleARN         string // of Credentials; "" = the execution's role
	Handle          string // of a job that already runs
	Token           string // the secret part
	Timeout         time.Duration
}

// MapStart asks for the run of a distributed Map.
type MapStart struct {
	Thread, Attempt uint32
	State           *asl.State
	ARN             string
	Redrives        int   // of the run; children that did not succeed before the newest one run again
	Items           []any // without an ItemReader
	Concurrency     int64 // 0 = no limit
	TolerateCount   int64
	TolerateShare   float64
	HasTolerance    bool
	Reader          *Reader
	Batch           *Batch
	Writer          any // the evaluated Parameters of the ResultWriter; nil = none
	Input           string
}

// Reader is an ItemReader with its expressions evaluated.
type Reader struct {
	Spec       *asl.ItemReader
	Parameters any
	MaxItems   int64 // 0 = all
}

// Batch is an ItemBatcher with its expressions evaluated.
type Batch struct {
	Input    any // nil = none
	MaxItems int64
	MaxBytes int64
}

// payload is a JSON document of which text, tree or both are known.
type payload struct {
	text string
	tree any
	has  bool // tree is set
}

func fromText(s string) payload { return payload{text: s} }

func fromTree(v any) payload { return payload{tree: v, has: true} }

func (p *payload) json() string {
	if p.text == "" && p.has {
		p.text = jsonvalue.Marshal(p.tree)
	}
	return p.text
}

func (p *payload) value() any {
	if !p.has {
		v, err := jsonvalue.Parse(p.text)
		if err != nil {
			v = nil // only text that was checked comes here
		}
		p.tree, p.has = v, true
	}
	return p.tree
}
