// Package asl reads definitions in the Amazon States Language and evaluates their expressions. It is pure: what a
// state machine does over time is package workflow's.
//
// Parse turns a definition into a Machine, with every path, template, intrinsic function and JSONata expression compiled,
// or into the diagnostics that AWS gives. A Machine is immutable and safe for concurrent use.
package asl

import (
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// Language is the query language of a state.
type Language uint8

// The query languages. JSONPath is the default of a definition that names none.
const (
	JSONPath Language = iota
	JSONata
)

// Kind is the type of a state.
type Kind uint8

// The types of states.
const (
	Pass Kind = iota + 1
	Task
	Choice
	Wait
	Succeed
	Fail
	Parallel
	Map
)

var kindNames = [...]string{"", "Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}

// String returns the type as it stands in definitions.
func (k Kind) String() string { return kindNames[k] }

// Machine is a definition, a branch of a Parallel state or the processor of a Map state.
type Machine struct {
	Comment        string
	StartAt        string
	Version        string
	Language       Language
	TimeoutSeconds int64 // 0 = none; top level only
	States         map[string]*State
	Order          []string // the names as written
}

// State is one state with its fields compiled. Fields that the state's type or language does not have are zero.
type State struct {
	Name     string
	Kind     Kind
	Language Language
	Comment  string
	Next     string // "" = the state ends its machine or fails
	End      bool

	InputPath      *PathField // nil = "$"
	OutputPath     *PathField
	ResultPath     *ResultPath // nil = "$"
	Parameters     *Template   // Arguments in JSONata
	ResultSelector *Template
	Output         *Template
	Assign         *Template
	Result         any // Pass
	HasResult      bool

	Retry []Retrier
	Catch []Catcher

	Resource    Resource // Task
	Timeout     *NumberField
	Heartbeat   *NumberField
	Credentials *Template

	Choices []ChoiceRule
	Default string

	Seconds   *NumberField // Wait
	Timestamp *TextField

	Error, Cause *TextField // Fail

	Branches []*Machine // Parallel

	Map *MapSpec
}

// MapSpec is what a Map state has more than others.
type MapSpec struct {
	Processor      *Machine
	Distributed    bool
	Express        bool // the children's type in distributed mode
	Items          *Template
	ItemsPath      *PathField
	Selector       *Template
	MaxConcurrency *NumberField
	Reader         *ItemReader
	Batcher        *ItemBatcher
	Writer         *ResultWriter
	TolerateCount  *NumberField
	TolerateShare  *NumberField
	Label          string
}

// ItemReader tells where a distributed Map reads its items.
type ItemReader struct {
	Resource   string
	Parameters *Template
	InputType  string // CSV, JSON, JSONL, MANIFEST, PARQUET; "" = a list of objects
	Transform  string
	HeaderLoc  string   // FIRST_ROW or GIVEN
	Headers    []string // with GIVEN
	Delimiter  string   // COMMA, PIPE, SEMICOLON, SPACE, TAB; "" = COMMA
	MaxItems   *NumberField
	Pointer    string // ItemsPointer
	Manifest   string // ManifestType
}

// ItemBatcher groups items into batches.
type ItemBatcher struct {
	Input    *Template
	MaxItems *NumberField
	MaxBytes *NumberField
}

// ResultWriter tells where a distributed Map writes its results.
type ResultWriter struct {
	Resource       string // "" = not exported
	Parameters     *Template
	Transformation string
	OutputType     string
}

// Retrier is an entry of Retry.
type Retrier struct {
	Errors      []string
	Interval    float64 // seconds
	MaxAttempts int
	Backoff     float64
	MaxDelay    float64 // seconds; 0 = none
	Jitter      bool
}

// Catcher is an entry of Catch.
type Catcher struct {
	Errors     []string
	Next       string
	ResultPath *ResultPath
	Output     *Template
	Assign     *Template
}

// Severity and the codes of diagnostics.
const (
	SeverityError   = "ERROR"
	SeverityWarning = "WARNING"

	CodeSchema     = "SCHEMA_VALIDATION_FAILED"
	CodeJSON       = "INVALID_JSON_DESCRIPTION"
	CodeMissing    = "MISSING_DESCRIPTION"
	CodeTarget     = "MISSING_TRANSITION_TARGET"
	CodeDuplicate  = "DUPLICATE_STATE_NAME"
	CodeLabel      = "INVALID_LABEL_NAME"
	CodeSameLabel  = "DUPLICATE_LABEL_NAME"
	CodeDeep       = "TOO_DEEPLY_NESTED"
	CodeNoDollar   = "NO_DOLLAR"
	CodeNoPath     = "NO_PATH"
	CodePassResult = "PASS_RESULT_IS_STATIC"
)

// Diagnostic is a finding about a definition.
type Diagnostic struct {
	Severity string
	Code     string
	Message  string
	Location string // "/States/A/Next"; for a syntax error the place in the text; "" = none
	Line     int    // from 1; 0 = unknown
	Column   int
}

// String returns the diagnostic as AWS joins it into the message of InvalidDefinition.
func (d Diagnostic) String() string {
	if d.Location == "" || d.Code == CodeJSON {
		return d.Code + ": " + d.Message
	}
	return d.Code + ": " + d.Message + " at " + d.Location
}

// InvalidError reports a definition with errors.
type InvalidError struct{ Diagnostics []Diagnostic }

// Error returns AWS's message: "Invalid State Machine Definition: '…'".
func (e *InvalidError) Error() string {
	var parts []string
	for _, d := range e.Diagnostics {
		if d.Severity == SeverityError {
			parts = append(parts, d.String())
		}
	}
	return fmt.Sprintf("Invalid State Machine Definition: '%s'", strings.Join(parts, ", "))
}

// StateError is an error that evaluating a state raises. Its cause lacks the sentence that names the state, which the
// interpreter puts before it.
type StateError struct {
	Name     string // "States.Runtime", "States.QueryEvaluationError"
	Cause    string
	Location string // the field, for JSONata errors: "Output/result"
	Eval     bool   // reported by an EvaluationFailed event of its own
	Entered  bool   // that event follows the one of entering the state, not the one before it
}

// Error implements error.
func (e *StateError) Error() string { return e.Name + ": " + e.Cause }

func runtimeError(format string, args ...any) *StateError {
	return &StateError{Name: ErrRuntime, Cause: fmt.Sprintf(format, args...)}
}

// The names of the errors that Step Functions itself raises.
const (
	ErrAll                = "States.ALL"
	ErrRuntime            = "States.Runtime"
	ErrTaskFailed         = "States.TaskFailed"
	ErrTimeout            = "States.Timeout"
	ErrHeartbeatTimeout   = "States.HeartbeatTimeout"
	ErrDataLimit          = "States.DataLimitExceeded"
	ErrQueryEvaluation    = "States.QueryEvaluationError"
	ErrIntrinsic          = "States.IntrinsicFailure"
	ErrNoChoice           = "States.NoChoiceMatched"
	ErrParameterPath      = "States.ParameterPathFailure"
	ErrResultPathMismatch = "States.ResultPathMatchFailure"
	ErrBranchFailed       = "States.BranchFailed"
	ErrExceedTolerated    = "States.ExceedToleratedFailureThreshold"
	ErrItemReader         = "States.ItemReaderFailed"
	ErrResultWriter       = "States.ResultWriterFailed"
	ErrPermissions        = "States.Permissions"
)

// Matches reports whether an ErrorEquals list matches an error. States.ALL matches all but States.Runtime, States.DataLimitExceeded
// included, as AWS was recorded to do though its guide says otherwise; States.TaskFailed all but these two and States.Timeout.
func Matches(list []string, name string) bool {
	for _, e := range list {
		switch {
		case e == name:
			return true
		case e == ErrAll:
			if name != ErrRuntime {
				return true
			}
		case e == ErrTaskFailed:
			if name != ErrTimeout && name != ErrRuntime && name != ErrDataLimit {
				return true
			}
		case e == ErrTimeout && name == ErrHeartbeatTimeout:
			return true
		}
	}
	return false
}

// MaxPayload is the size of an input, output or result in bytes that Step Functions allows.
const MaxPayload = 256 * 1024

func text(v any) string { return jsonvalue.Marshal(v) }
