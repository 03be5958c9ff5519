package crawl

import (
	"errors"
	"time"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound   = errors.New("entity not found")
	ErrExists     = errors.New("entity already exists")
	ErrBadInput   = errors.New("invalid input")
	ErrRunning    = errors.New("crawler is running")
	ErrNotRunning = errors.New("crawler is not running")
	ErrStopping   = errors.New("crawler is stopping")
	ErrSchedule   = errors.New("scheduler state does not allow this")
	ErrConcurrent = errors.New("version mismatch")
	ErrInUse      = errors.New("entity is in use")
)

// State of a crawler.
type State string

// The states.
const (
	Ready    State = "READY"
	Running  State = "RUNNING"
	Stopping State = "STOPPING"
)

// Target is a folder of the object store that a crawler looks at.
type Target struct {
	Path       string   // s3://BUCKET/PREFIX
	Exclusions []string `json:",omitempty"` // glob patterns relative to the path
	SampleSize int      `json:",omitempty"` // files looked at in each folder; 0 = all, up to 100
}

// CatalogTarget is a list of tables whose data a crawler looks at again.
type CatalogTarget struct {
	Database string
	Tables   []string
}

// UpdateBehavior says what a crawl does with a table that changed.
type UpdateBehavior string

// DeleteBehavior says what a crawl does with a table or partition whose data is gone.
type DeleteBehavior string

// The behaviors.
const (
	UpdateLog       UpdateBehavior = "LOG"
	UpdateInCatalog UpdateBehavior = "UPDATE_IN_DATABASE"
	DeleteLog       DeleteBehavior = "LOG"
	DeleteInCatalog DeleteBehavior = "DELETE_FROM_DATABASE"
	DeleteDeprecate DeleteBehavior = "DEPRECATE_IN_DATABASE"
)

// Config is what a user decides about a crawler.
type Config struct {
	Name           string
	Role           string
	Description    string          `json:",omitempty"`
	Database       string          // of the tables that it makes; "" with catalog targets
	TablePrefix    string          `json:",omitempty"`
	Targets        []Target        `json:",omitempty"`
	CatalogTargets []CatalogTarget `json:",omitempty"`
	Classifiers    []string        `json:",omitempty"`
	Schedule       string          `json:",omitempty"` // cron(…)
	OnUpdate       UpdateBehavior  // "" = UPDATE_IN_DATABASE
	OnDelete       DeleteBehavior  // "" = DEPRECATE_IN_DATABASE
	Recrawl        string          `json:",omitempty"` // CRAWL_EVERYTHING, CRAWL_NEW_FOLDERS_ONLY; "" = the first
	Configuration  string          `json:",omitempty"` // JSON, as given; see Settings
	Lineage        string          `json:",omitempty"` // ENABLE or DISABLE: kept; lineage is always recorded
	SecurityConfig string          `json:",omitempty"`
	Tags           map[string]string
}

// Crawler is a crawler with its state.
type Crawler struct {
	Config
	State        State
	Scheduled    bool // the schedule is on
	Created      time.Time
	Updated      time.Time
	Version      int64
	Last         *Run      `json:",omitempty"` // the last crawl that ended
	NextDue      time.Time `json:",omitzero"`
	CurrentStart time.Time `json:",omitzero"` // of the crawl under way
	CurrentRun   string    `json:",omitempty"`
}

// Run is a crawl.
type Run struct {
	ID       string
	Crawler  string
	State    string // RUNNING, COMPLETED, FAILED, STOPPED
	Start    time.Time
	End      time.Time `json:",omitzero"`
	Error    string    `json:",omitempty"`
	Created  []string  `json:",omitempty"` // names of tables
	Updated  []string  `json:",omitempty"`
	Deleted  []string  `json:",omitempty"`
	PartsNew int       `json:",omitempty"` // partitions added, changed, removed
	PartsUpd int       `json:",omitempty"`
	PartsDel int       `json:",omitempty"`
	Files    int       `json:",omitempty"`
	Bytes    int64     `json:",omitempty"`
}

// LogGroup is where crawls write; the stream is the crawler's name.
const LogGroup = "/aws-glue/crawlers"

// Classifier is a user's rule for recognising a format.
type Classifier struct {
	Name    string
	Kind    string // csv or json
	Created time.Time
	Updated time.Time
	Version int64

	Delimiter     string   `json:",omitempty"`
	Quote         string   `json:",omitempty"`
	Header        []string `json:",omitempty"`
	HasHeader     string   `json:",omitempty"` // UNKNOWN, PRESENT, ABSENT
	KeepSpace     bool     `json:",omitempty"`
	OneColumn     bool     `json:",omitempty"`
	Serde         string   `json:",omitempty"` // OpenCSVSerDe, LazySimpleSerDe, None
	CustomTypes   []string `json:",omitempty"`
	CustomEnabled bool     `json:",omitempty"`
	JSONPath      string   `json:",omitempty"`
}
