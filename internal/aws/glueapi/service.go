package glueapi

import (
	"errors"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/crawl"
	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/ident"
)

// Options of the service.
type Options struct {
	Catalog *catalog.Catalog
	Crawl   *crawl.Service
	Jobs    *etl.Service
}

type api struct{ Options }

// New returns the operation table of AWS Glue.
func New(o Options) *protocol.Service {
	a := &api{o}
	return &protocol.Service{
		Name: "glue", Model: Model, MapError: mapError,
		ValidationCode: Code_InvalidInputException, InternalCode: Code_InternalServiceException,
		Ops: slices.Concat(a.databaseOps(), a.tableOps(), a.partitionOps(), a.statisticsOps(), a.otherOps(), a.crawlerOps(), a.classifierOps(), a.jobOps(), a.triggerOps(), a.workflowOps()),
	}
}

// scope is where a request's catalog is: that of the caller's account unless it names another.
func scope(c *protocol.Call, catalogID *string) ident.Scope {
	s := c.Scope
	if catalogID != nil {
		s.Account = *catalogID
	}
	return s
}

// databaseARNs are the resources that a policy is asked about for a database: it and the catalog above it.
func databaseARNs(s ident.Scope, database string) []string {
	return []string{s.ARN("glue", "catalog"), s.ARN("glue", "database/"+strings.ToLower(database))}
}

func tableARNs(s ident.Scope, database, table string) []string {
	return append(databaseARNs(s, database), s.ARN("glue", "table/"+strings.ToLower(database)+"/"+strings.ToLower(table)))
}

// onDatabase, onTable and on name the resources of requests.
func onDatabase[In any](get func(*In) (*string, string)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		id, db := get(in)
		return databaseARNs(scope(c, id), db)
	}
}

func onTable[In any](get func(*In) (*string, string, string)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		id, db, table := get(in)
		return tableARNs(scope(c, id), db, table)
	}
}

func on[In any](kind string, name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string { return []string{c.ARN("glue", kind+"/"+name(in))} }
}

// each names all that a request is about; none stands for all of the kind.
func each[In any](kind string, names func(*In) []string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		list := names(in)
		if len(list) == 0 {
			list = []string{"*"}
		}
		out := make([]string, len(list))
		for i, n := range list {
			out[i] = c.ARN("glue", kind+"/"+n)
		}
		return out
	}
}

var errorTable = []struct {
	err  error
	code string
}{
	{catalog.ErrNotFound, Code_EntityNotFoundException},
	{catalog.ErrVersionGone, Code_EntityNotFoundException},
	{catalog.ErrExists, Code_AlreadyExistsException},
	{catalog.ErrBadInput, Code_InvalidInputException},
	{catalog.ErrBadExpression, Code_InvalidInputException},
	{catalog.ErrConcurrent, Code_ConcurrentModificationException},
	{catalog.ErrLimit, Code_ResourceNumberLimitExceededException},
	{crawl.ErrNotFound, Code_EntityNotFoundException},
	{crawl.ErrExists, Code_AlreadyExistsException},
	{crawl.ErrBadInput, Code_InvalidInputException},
	{crawl.ErrRunning, Code_CrawlerRunningException},
	{crawl.ErrNotRunning, Code_CrawlerNotRunningException},
	{crawl.ErrStopping, Code_CrawlerStoppingException},
	{crawl.ErrConcurrent, Code_VersionMismatchException},
	{crawl.ErrInUse, Code_InvalidInputException},
	{crawl.ErrAccess, Code_AccessDeniedException},
	{etl.ErrNotFound, Code_EntityNotFoundException},
	{etl.ErrExists, Code_AlreadyExistsException},
	{etl.ErrBadInput, Code_InvalidInputException},
	{etl.ErrConcurrent, Code_ConcurrentRunsExceededException},
	{etl.ErrNotRunning, Code_InvalidInputException},
	{etl.ErrState, Code_IllegalWorkflowStateException},
}

func mapError(err error) *protocol.Error {
	if errors.Is(err, crawl.ErrSchedule) {
		code := Code_SchedulerTransitioningException
		switch {
		case strings.Contains(err.Error(), "already running"):
			code = Code_SchedulerRunningException
		case strings.Contains(err.Error(), "already stopped"), strings.Contains(err.Error(), "no schedule"):
			code = Code_SchedulerNotRunningException
		}
		return &protocol.Error{Code: code, Message: message(err)}
	}
	for _, row := range errorTable {
		if errors.Is(err, row.err) {
			return &protocol.Error{Code: row.code, Message: message(err)}
		}
	}
	return nil
}

// message leaves out the kind of an error, which the code says already.
func message(err error) string {
	if _, text, ok := strings.Cut(err.Error(), ": "); ok {
		return text
	}
	return err.Error()
}

// detail writes an error as batch operations report it.
func detail(err error) *ErrorDetail {
	e := mapError(err)
	if e == nil {
		e = &protocol.Error{Code: Code_InternalServiceException, Message: "internal error"}
	}
	return &ErrorDetail{ErrorCode: &e.Code, ErrorMessage: &e.Message}
}

// limit returns how many entries a page has.
func limit(n *int32, def int) int {
	if v := int(protocol.Or(n, 0)); v > 0 {
		return v
	}
	return def
}
