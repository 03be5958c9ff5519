package function

import (
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
)

// Errors; compare with errors.Is. Their texts are completed with the value, the limit and what to change.
var (
	ErrNotFound        = errors.New("function not found")
	ErrExists          = errors.New("function already exist")
	ErrLayerNotFound   = errors.New("the resource you requested does not exist.")
	ErrAliasNotFound   = errors.New("cannot find alias arn")
	ErrAliasExists     = errors.New("alias already exists")
	ErrBadParameter    = errors.New("invalid parameter value")
	ErrOutOfRange      = fmt.Errorf("%w out of range", ErrBadParameter) // of a number that has limits
	ErrRevision        = errors.New("the Revision Id provided does not match the latest Revision Id")
	ErrInUse           = errors.New("resource is in use")
	ErrTooManyRequests = errors.New("rate exceeded")
	ErrReserved        = fmt.Errorf("%w: the function's reserved concurrency is in use", ErrTooManyRequests)
	ErrTooLarge        = errors.New("request must be smaller")
	ErrBadPayload      = errors.New("could not parse request body into json")
	ErrNoPolicy        = errors.New("the resource you requested does not exist.")
	ErrNoEventConfig   = errors.New("no settings of asynchronous invocations")
	ErrUnreachable     = errors.New("functions of other regions are not reachable")
	ErrStatementExists = errors.New("the statement id provided already exists")
	ErrDenied          = errors.New("the invocation is not permitted")
	ErrRuntime         = errors.New("runtime is not available")
	ErrBadZip          = errors.New("malformed package")
)

var (
	errStale       = fmt.Errorf("%w. Call the GetFunction/GetAlias API to retrieve the latest Revision Id", ErrRevision)
	errStalePolicy = fmt.Errorf("%w. Call the GetPolicy API to retrieve the latest Revision Id", ErrRevision)
	errTagLimit    = fmt.Errorf("%w: Number of tags exceeds resource tag limit.", ErrBadParameter)
)

// Limits of Lambda.
const (
	MaxSyncPayload   = 6 << 20
	MaxAsyncPayload  = 1 << 20
	MaxAnswer        = 6<<20 + 100 // of a function
	MaxZipBytes      = 50 << 20
	MaxUnzippedBytes = 250 << 20
	MaxEnvBytes      = 4 << 10
	MaxTimeout       = 900 * time.Second
	MaxLayers        = 5
	maxName          = 64
	maxTags          = 50
	logTailBytes     = 4 << 10
)

// Latest is the version that can be changed.
const Latest = "$LATEST"

// Config is what a user decides about a function.
type Config struct {
	Description   string            `json:",omitempty"`
	Runtime       string            // python3.12, nodejs20.x, provided.al2023 …
	Handler       string            // module.function, Class::method
	Role          string            // ARN of the role whose credentials the code gets
	Timeout       time.Duration     // 1 s to 15 min; 0 = 3 s
	MemoryMB      int               // 128 to 10,240; 0 = 128
	StorageMB     int               // of /tmp; 512 to 10,240; 0 = 512
	Env           map[string]string // nil and empty differ: what was given is described
	Layers        []string          `json:",omitempty"` // ARNs of layer versions, later ones on top
	LayerBytes    []int64           `json:",omitempty"` // sizes of the layers' packages; filled in by the service
	DeadLetter    string            `json:",omitempty"` // ARN of a queue or topic for asynchronous invocations that failed
	Architectures []string          `json:",omitempty"` // x86_64 or arm64; empty = x86_64
	LogGroup      string            `json:",omitempty"` // "" = /aws/lambda/NAME
	LogFormat     string            `json:",omitempty"` // Text or JSON; "" = Text
	AppLogLevel   string            `json:",omitempty"` // of the JSON format; told to the runtime, which filters
	SystemLevel   string            `json:",omitempty"` // of the JSON format
	Tracing       string            `json:",omitempty"` // Active or PassThrough; recorded, no traces are sent
}

// Version is a function's code and configuration at one moment.
type Version struct {
	Name      string
	Number    string // $LATEST, or "1", "2", …
	Config    Config
	Code      blob.ID
	CodeSize  int64
	CodeHash  string // base64 of the package's SHA-256
	Revision  string // changes with every change, also of the policy
	Change    string `json:",omitempty"` // changes with the code and the configuration only; "" = Revision
	From      string `json:",omitempty"` // of a published version: the change of $LATEST that it froze
	Modified  time.Time
	Published time.Time // zero for $LATEST

	// Under is what is being done with the version at the moment which an answer describes. Lambda answers a creation or an
	// update before it is carried out, with a revision of its own; what is stored is always settled.
	Under Progress `json:"-"`
}

// Progress is how far a change of a function is.
type Progress int

// Steps of a change.
const (
	Settled Progress = iota
	Creating
	Updating
)

// change identifies code and configuration.
func (v Version) change() string {
	if v.Change != "" {
		return v.Change
	}
	return v.Revision
}

// meta is what belongs to all the versions of a function.
type meta struct {
	NextVersion int
	Reserved    *int              `json:",omitempty"` // reserved concurrency; nil = none
	Tags        map[string]string `json:",omitempty"`
	PolicyRevs  map[string]string `json:",omitempty"` // revisions of the policies, by qualifier
}

// Alias names a version, and perhaps a second one that takes a share of the requests.
type Alias struct {
	Function, Name, Description string
	Version                     string
	Weights                     map[string]float64 `json:",omitempty"` // version → share of requests, 0 to 1
	Revision                    string
}

// Layer is a version of a package that several functions share.
type Layer struct {
	Name          string
	Number        int
	Description   string
	Runtimes      []string
	Architectures []string
	License       string
	Code          blob.ID
	CodeSize      int64
	CodeHash      string
	Created       time.Time
}

// Permission lets somebody invoke the function: a statement of its resource policy.
type Permission struct {
	ID            string // of the statement
	Action        string // lambda:InvokeFunction
	Principal     string // s3.amazonaws.com, an account or an ARN
	SourceARN     string `json:",omitempty"` // pattern
	SourceAccount string `json:",omitempty"`
	EventToken    string `json:",omitempty"`
	PrincipalOrg  string `json:",omitempty"` // of an organization; nobody is in one here, so the statement lets nobody in
	URLAuth       string `json:",omitempty"` // AWS_IAM or NONE, of a function URL; there are none here
}

// EventConfig rules asynchronous invocations of a function or one of its versions.
type EventConfig struct {
	MaxAge    time.Duration // 60 s to 6 h; 0 = 6 h
	Retries   *int          // 0 to 2; nil = 2
	OnSuccess string        `json:",omitempty"` // ARN
	OnFailure string        `json:",omitempty"` // ARN
	Modified  time.Time
}
