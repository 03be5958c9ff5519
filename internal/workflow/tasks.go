package workflow

import (
	"context"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// TaskCall is a task that a state asks for.
type TaskCall struct {
	ident.Scope
	ID           string // a UUID: the same when the same attempt is called again after a crash
	Execution    string // ARN
	StateMachine string // ARN
	State        string
	RoleARN      string // whose permissions decide: the state machine's role, or that of the state's Credentials
	Resource     asl.Resource
	Input        string        // JSON: Parameters or Arguments, evaluated
	Token        string        // the task's token, for .waitForTaskToken
	Timeout      time.Duration // 0 = none; ctx ends when it is over
	Attempt      int           // from 1
	Handle       string        // of a job that an earlier call submitted: take it up, do not start another; "" = start
	// Inspect is told what a tested task sent to an HTTP API and got, with what the connection added if Reveal is set; nil = nobody looks.
	Inspect func(*Exchange)
	Reveal  bool
}

// Exchange is a request to an HTTP API with its answer.
type Exchange = interp.Exchange

// TaskError is why a task failed, in the names that AWS gives: use asl's names, and integration.ErrorName for those of
// services.
type TaskError = interp.TaskError

// Tasks calls the resources of Task states. It is implemented outside (package bridge) for all services.
type Tasks interface {
	// Run calls the resource and waits for what its pattern asks:
	//
	//	RequestResponse  the answer.
	//	WaitForToken     the answer to the call that takes the token along; the engine waits for the token itself.
	//	Sync, Sync2      the end of the job. As soon as the job is started, Run calls submitted with what identifies the job and
	//	                 the answer to the start; it returns when both are durable. After a restart of Tarn, Run is called
	//	                 again with that handle and must not call submitted.
	//
	// The output is JSON. A nil *TaskError is success. When ctx ends, the task is no longer wanted: Run stops a job that it
	// waits for, as AWS does, and returns soon.
	Run(ctx context.Context, call *TaskCall, submitted func(handle, output string) error) (output string, fail *TaskError)
}

// LogSink takes the events of executions whose state machine has a log configuration. It must not block for long.
type LogSink interface {
	Log(ctx context.Context, entry LogEntry)
	// Exists reports whether there is a log group. group is an ARN, which may end in ":*".
	Exists(ctx context.Context, group string) bool
}

// LogEntry is an event for a log group.
type LogEntry struct {
	ident.Scope
	Group     string // ARN of the log group, without ":*"
	Execution string // ARN
	Machine   string // name
	Time      time.Time
	Message   string // JSON in the form that AWS writes
}

// Files reads items of distributed Maps and writes their results. It is implemented outside, over the object store, with
// the permissions of the role.
type Files interface {
	// Get returns an object's body, which the caller closes.
	Get(ctx context.Context, role FileRole, bucket, key, version string) (Body, *TaskError)
	// Rows returns the rows of a Parquet object as lines of JSON, which the caller closes.
	Rows(ctx context.Context, role FileRole, bucket, key, version string) (Body, *TaskError)
	// List returns a page of objects as JSON objects with AWS's members (Etag, Key, LastModified, Size, StorageClass).
	List(ctx context.Context, role FileRole, bucket, prefix, after string, limit int) (items []any, next string, fail *TaskError)
	// Put writes an object.
	Put(ctx context.Context, role FileRole, bucket, key string, body []byte) *TaskError
}

// FileRole is on whose behalf files are read and written.
type FileRole struct {
	ident.Scope
	RoleARN   string
	Execution string
}

// Body is an object's content.
type Body interface {
	Read(p []byte) (int, error)
	Close() error
}
