package interp

import (
	"encoding/binary"
	"errors"
	"time"
)

// Event is an entry of an execution's history.
type Event struct {
	ID, Prev int64
	Time     time.Time
	Type     EventType
	Detail
}

// Detail holds what events tell; which fields are set depends on the type. "" and 0 stand for fields that are not there,
// but for Error and Cause, which can be there and empty.
type Detail struct {
	Name         string // of the state
	Input        string // JSON
	Output       string // JSON
	Error, Cause *string
	Resource     string
	ResourceType string
	Region       string
	Parameters   string // JSON
	Role         string // of the execution, or of a task's credentials
	Alias        string
	Version      string
	Assigned     string // JSON object of JSON texts by variable
	Location     string
	State        string
	MapRun       string
	Worker       string
	Index        int64
	Length       int64 // of a Map state; with Detail.HasLength
	Timeout      int64 // seconds
	Heartbeat    int64 // seconds
	Redrives     int64
}

// EventType is the type of an event.
type EventType uint8

// The types of events. Their numbers are on users' disks.
const (
	ExecutionStarted EventType = iota + 1
	ExecutionSucceeded
	ExecutionFailed
	ExecutionAborted
	ExecutionTimedOut
	ExecutionRedriven
	PassStateEntered
	PassStateExited
	TaskStateEntered
	TaskStateExited
	TaskStateAborted
	ChoiceStateEntered
	ChoiceStateExited
	WaitStateEntered
	WaitStateExited
	WaitStateAborted
	SucceedStateEntered
	SucceedStateExited
	FailStateEntered
	ParallelStateEntered
	ParallelStateStarted
	ParallelStateSucceeded
	ParallelStateFailed
	ParallelStateExited
	ParallelStateAborted
	MapStateEntered
	MapStateStarted
	MapStateSucceeded
	MapStateFailed
	MapStateExited
	MapStateAborted
	MapIterationStarted
	MapIterationSucceeded
	MapIterationFailed
	MapIterationAborted
	MapRunStarted
	MapRunSucceeded
	MapRunFailed
	MapRunAborted
	MapRunRedriven
	TaskScheduled
	TaskStarted
	TaskSubmitted
	TaskSucceeded
	TaskFailed
	TaskTimedOut
	TaskStartFailed
	TaskSubmitFailed
	LambdaFunctionScheduled
	LambdaFunctionStarted
	LambdaFunctionSucceeded
	LambdaFunctionFailed
	LambdaFunctionTimedOut
	LambdaFunctionStartFailed
	LambdaFunctionScheduleFailed
	ActivityScheduled
	ActivityStarted
	ActivitySucceeded
	ActivityFailed
	ActivityTimedOut
	ActivityScheduleFailed
	EvaluationFailed
)

var eventNames = [...]string{"", "ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut", "ExecutionRedriven",
	"PassStateEntered", "PassStateExited", "TaskStateEntered", "TaskStateExited", "TaskStateAborted", "ChoiceStateEntered", "ChoiceStateExited", "WaitStateEntered",
	"WaitStateExited", "WaitStateAborted", "SucceedStateEntered", "SucceedStateExited", "FailStateEntered", "ParallelStateEntered", "ParallelStateStarted",
	"ParallelStateSucceeded", "ParallelStateFailed", "ParallelStateExited", "ParallelStateAborted", "MapStateEntered", "MapStateStarted", "MapStateSucceeded",
	"MapStateFailed", "MapStateExited", "MapStateAborted", "MapIterationStarted", "MapIterationSucceeded", "MapIterationFailed", "MapIterationAborted",
	"MapRunStarted", "MapRunSucceeded", "MapRunFailed", "MapRunAborted", "MapRunRedriven", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
	"TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded",
	"LambdaFunctionFailed", "LambdaFunctionTimedOut", "LambdaFunctionStartFailed", "LambdaFunctionScheduleFailed", "ActivityScheduled", "ActivityStarted",
	"ActivitySucceeded", "ActivityFailed", "ActivityTimedOut", "ActivityScheduleFailed", "EvaluationFailed"}

// String returns the type's name in the API.
func (t EventType) String() string {
	if int(t) < len(eventNames) {
		return eventNames[t]
	}
	return "Unknown"
}

// ErrMalformed reports stored bytes that are no event or thread.
var ErrMalformed = errors.New("malformed record")

// AppendEvent appends the stored form of e: its length, then id, previous id, time, type and the fields that are set,
// each with its number.
func AppendEvent(dst []byte, e *Event) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(e.ID))
	dst = binary.AppendUvarint(dst, uint64(e.Prev))
	dst = binary.AppendVarint(dst, e.Time.UnixMicro())
	dst = append(dst, byte(e.Type))
	d := &e.Detail
	for i, s := range [...]*string{&d.Name, &d.Input, &d.Output, nil, nil, &d.Resource, &d.ResourceType, &d.Region, &d.Parameters, &d.Role, &d.Alias, &d.Version, &d.Assigned, &d.Location, &d.State, &d.MapRun, &d.Worker} {
		if s != nil && *s != "" {
			dst = appendText(append(dst, byte(i+1)), *s)
		}
	}
	if d.Error != nil {
		dst = appendText(append(dst, 4), *d.Error)
	}
	if d.Cause != nil {
		dst = appendText(append(dst, 5), *d.Cause)
	}
	for i, n := range [...]int64{d.Index, d.Length, d.Timeout, d.Heartbeat, d.Redrives} {
		if n != 0 {
			dst = binary.AppendVarint(append(dst, byte(0x40+i)), n)
		}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// ReadEvents yields the events of a record that AppendEvent wrote one after the other.
func ReadEvents(b []byte, yield func(*Event) bool) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return ErrMalformed
		}
		n := int(binary.BigEndian.Uint32(b))
		if n > len(b)-4 {
			return ErrMalformed
		}
		e, err := readEvent(b[4 : 4+n])
		if err != nil {
			return err
		}
		if !yield(e) {
			return nil
		}
		b = b[4+n:]
	}
	return nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func readEvent(b []byte) (*Event, error) {
	r := &reader{b: b}
	e := &Event{ID: int64(r.uint()), Prev: int64(r.uint()), Time: time.UnixMicro(r.int()).UTC(), Type: EventType(r.byte())}
	d := &e.Detail
	texts := [...]*string{&d.Name, &d.Input, &d.Output, nil, nil, &d.Resource, &d.ResourceType, &d.Region, &d.Parameters, &d.Role, &d.Alias, &d.Version, &d.Assigned, &d.Location, &d.State, &d.MapRun, &d.Worker}
	numbers := [...]*int64{&d.Index, &d.Length, &d.Timeout, &d.Heartbeat, &d.Redrives}
	for len(r.b) > 0 && !r.bad {
		switch tag := r.byte(); {
		case tag == 4:
			s := r.text()
			d.Error = &s
		case tag == 5:
			s := r.text()
			d.Cause = &s
		case tag >= 1 && int(tag) <= len(texts):
			*texts[tag-1] = r.text()
		case tag >= 0x40 && int(tag-0x40) < len(numbers):
			*numbers[tag-0x40] = r.int()
		default:
			return nil, ErrMalformed
		}
	}
	if r.bad {
		return nil, ErrMalformed
	}
	return e, nil
}

// Entered reports whether the event is that of entering a state.
func (t EventType) Entered() bool {
	switch t {
	case PassStateEntered, TaskStateEntered, ChoiceStateEntered, WaitStateEntered, SucceedStateEntered, FailStateEntered, ParallelStateEntered, MapStateEntered:
		return true
	}
	return false
}

// Scheduled reports whether the event is that of giving a task to whoever carries it out.
func (t EventType) Scheduled() bool {
	return t == TaskScheduled || t == LambdaFunctionScheduled || t == ActivityScheduled
}

// Exited reports whether the event is that of leaving a state.
func (t EventType) Exited() bool {
	switch t {
	case PassStateExited, TaskStateExited, ChoiceStateExited, WaitStateExited, SucceedStateExited, ParallelStateExited, MapStateExited:
		return true
	}
	return false
}

// Failed reports whether the event tells of an error.
func (t EventType) Failed() bool {
	switch t {
	case TaskFailed, TaskTimedOut, TaskStartFailed, TaskSubmitFailed, LambdaFunctionFailed, LambdaFunctionTimedOut, LambdaFunctionStartFailed,
		LambdaFunctionScheduleFailed, ActivityFailed, ActivityTimedOut, ActivityScheduleFailed, MapStateFailed, MapIterationFailed, MapRunFailed,
		ParallelStateFailed, EvaluationFailed, FailStateEntered, ExecutionFailed, ExecutionTimedOut:
		return true
	}
	return false
}
