package etl

import (
	"encoding/json"
	"errors"
	"time"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound   = errors.New("entity not found")
	ErrExists     = errors.New("entity already exists")
	ErrBadInput   = errors.New("invalid input")
	ErrConcurrent = errors.New("concurrent runs exceeded")
	ErrNotRunning = errors.New("job run is not running")
	ErrState      = errors.New("workflow is in another state")
)

// Job is a job as users define it.
type Job struct {
	Name           string
	Role           string
	Description    string `json:",omitempty"`
	Command        Command
	Arguments      map[string]string `json:",omitempty"` // defaults
	Fixed          map[string]string `json:",omitempty"` // cannot be overridden
	Nodes          json.RawMessage   `json:",omitempty"` // CodeGenConfigurationNodes of a visual job
	Connections    []string          `json:",omitempty"`
	MaxRetries     int
	Timeout        time.Duration // 0 = 48 h
	MaxConcurrent  int           // runs at a time; 0 = 1
	GlueVersion    string        // "" = 0.9 for scripts, as on AWS
	WorkerType     string        `json:",omitempty"` // G.1X …
	Workers        int           `json:",omitempty"`
	MaxCapacity    float64       `json:",omitempty"`
	ExecutionClass string        `json:",omitempty"`
	NotifyDelay    int           `json:",omitempty"` // minutes
	Mode           string        `json:",omitempty"` // SCRIPT, VISUAL or NOTEBOOK
	Tags           map[string]string
	Created        time.Time
	Modified       time.Time
}

// Command says what a job runs.
type Command struct {
	Name    string // glueetl, pythonshell, gluestreaming …
	Script  string // s3://BUCKET/KEY
	Python  string `json:",omitempty"` // "3", "3.9"
	Runtime string `json:",omitempty"`
}

// State of a run.
type State string

// The states.
const (
	Starting  State = "STARTING"
	Running   State = "RUNNING"
	Stopping  State = "STOPPING"
	Stopped   State = "STOPPED"
	Succeeded State = "SUCCEEDED"
	Failed    State = "FAILED"
	TimedOut  State = "TIMEOUT"
	Errored   State = "ERROR"
	Waiting   State = "WAITING"
	Cancelled State = "CANCELLED" // of crawls
)

// Ended reports whether a run in this state is over.
func (s State) Ended() bool {
	return s == Stopped || s == Succeeded || s == Failed || s == TimedOut || s == Errored
}

// Run is one run of a job.
type Run struct {
	ID, Job    string
	Attempt    int    // 0, 1 … with the retries that MaxRetries allows
	Previous   string `json:",omitempty"` // id of the attempt before
	Trigger    string `json:",omitempty"`
	Arguments  map[string]string
	State      State
	Error      string `json:",omitempty"`
	Started    time.Time
	Modified   time.Time
	Completed  time.Time     `json:",omitzero"`
	Execution  time.Duration // of the script
	Timeout    time.Duration
	Engine     string `json:",omitempty"` // sail, spark, shell
	EngineWhy  string `json:",omitempty"`
	Starts     int    // how often its process was started: more than once after a crash of Tarn
	Role       string
	WorkerType string `json:",omitempty"`
	Workers    int    `json:",omitempty"`
	Capacity   float64
	Glue       string // GlueVersion
	FilesRead  int    `json:",omitempty"`
	BytesRead  int64  `json:",omitempty"`
	FilesMade  int    `json:",omitempty"`
	BytesMade  int64  `json:",omitempty"`

	Workflow    string `json:",omitempty"` // of which the run is a part
	WorkflowRun string `json:",omitempty"`
}

// Bookmark is what a job's runs have read.
type Bookmark struct {
	Job     string
	Run     string // that moved it last
	Version int
	State   json.RawMessage
	Moved   time.Time
}

// Log groups of runs. The stream is the run's id.
const (
	OutputGroup = "/aws-glue/jobs/output"
	ErrorGroup  = "/aws-glue/jobs/error"
)
