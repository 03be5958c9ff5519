package catalog

import (
	"encoding/json"
	"errors"
	"time"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound      = errors.New("entity not found")
	ErrExists        = errors.New("entity already exists")
	ErrBadInput      = errors.New("invalid input")
	ErrConcurrent    = errors.New("concurrent modification")
	ErrLimit         = errors.New("resource number limit exceeded")
	ErrBadExpression = errors.New("unsupported expression")
	ErrVersionGone   = errors.New("table version not found")
)

// Limits of Glue.
const (
	MaxPartitionsPerBatch = 100
	MaxGetPerBatch        = 1000
	MaxNameBytes          = 255
)

// Database is a namespace of tables.
type Database struct {
	Name        string
	Description string            `json:",omitempty"`
	LocationURI string            `json:",omitempty"`
	Parameters  map[string]string `json:",omitempty"`
	Created     time.Time
	Default     json.RawMessage `json:",omitempty"` // CreateTableDefaultPermissions as given
}

// Column is a field of a table.
type Column struct {
	Name, Type string            // the type in Hive's words: string, bigint, struct<a:int>
	Comment    string            `json:",omitempty"`
	Parameters map[string]string `json:",omitempty"`
}

// Serde says which library reads the bytes.
type Serde struct {
	Name       string            `json:",omitempty"`
	Library    string            `json:",omitempty"` // org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe
	Parameters map[string]string `json:",omitempty"`
}

// Order is a column by which buckets are sorted.
type Order struct {
	Column    string
	SortOrder int // 1 ascending, 0 descending
}

// Skewed names values that are stored apart.
type Skewed struct {
	Names     []string          `json:",omitempty"`
	Values    []string          `json:",omitempty"`
	Locations map[string]string `json:",omitempty"`
}

// Storage says where data lies and in which form.
type Storage struct {
	Columns        []Column          `json:",omitempty"`
	Location       string            `json:",omitempty"`
	MoreLocations  []string          `json:",omitempty"`
	InputFormat    string            `json:",omitempty"`
	OutputFormat   string            `json:",omitempty"`
	Compressed     bool              `json:",omitempty"`
	Buckets        int               `json:",omitempty"` // -1 or 0 = none
	BucketColumns  []string          `json:",omitempty"`
	SortColumns    []Order           `json:",omitempty"`
	Serde          *Serde            `json:",omitempty"`
	Parameters     map[string]string `json:",omitempty"`
	Skewed         *Skewed           `json:",omitempty"`
	SubDirectories bool              `json:",omitempty"` // StoredAsSubDirectories
}

// Table is a table or view. Version and the times are set by the store.
type Table struct {
	Database, Name string
	Description    string            `json:",omitempty"`
	Owner          string            `json:",omitempty"`
	Type           string            `json:",omitempty"` // EXTERNAL_TABLE, VIRTUAL_VIEW, …
	Retention      int               `json:",omitempty"`
	Storage        *Storage          `json:",omitempty"`
	PartitionKeys  []Column          `json:",omitempty"`
	Parameters     map[string]string `json:",omitempty"`
	ViewOriginal   string            `json:",omitempty"`
	ViewExpanded   string            `json:",omitempty"`
	CreatedBy      string            `json:",omitempty"` // ARN
	Created        time.Time
	Updated        time.Time
	LastAccess     time.Time `json:",omitzero"`
	LastAnalyzed   time.Time `json:",omitzero"`
	Version        uint64    // from 0
}

// Partition is a part of a table for one combination of its partition keys' values.
type Partition struct {
	Database, Table string
	Values          []string
	Storage         *Storage          `json:",omitempty"`
	Parameters      map[string]string `json:",omitempty"`
	Created         time.Time
	LastAccess      time.Time `json:",omitzero"`
	LastAnalyzed    time.Time `json:",omitzero"`
}

// ColumnStatistics are what an engine learnt of a column. Data is kept as it was given.
type ColumnStatistics struct {
	Column, Type string
	Analyzed     time.Time
	Data         json.RawMessage
}

// Index is a partition index. Tarn finds partitions without it; it is kept because engines ask for it.
type Index struct {
	Name string
	Keys []string
}

// UserFunction is an SQL function that an engine stores in the catalog.
type UserFunction struct {
	Database, Name string
	ClassName      string          `json:",omitempty"`
	OwnerName      string          `json:",omitempty"`
	OwnerType      string          `json:",omitempty"`
	FunctionType   string          `json:",omitempty"`
	Resources      json.RawMessage `json:",omitempty"`
	Created        time.Time
}

// Connection says how to reach a data store outside.
type Connection struct {
	Name        string
	Type        string            // JDBC, NETWORK, …
	Description string            `json:",omitempty"`
	Criteria    []string          `json:",omitempty"`
	Properties  map[string]string `json:",omitempty"`
	Network     json.RawMessage   `json:",omitempty"` // PhysicalConnectionRequirements as given
	Created     time.Time
	Updated     time.Time
	UpdatedBy   string `json:",omitempty"`
}
