package bridge

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/query"
)

// emit puts an event of a service on a bus as a part of the caller's batch. The caller's act does not fail with it.
func emit(e *event.Engine, log *slog.Logger, b *kv.Batch, bus event.BusRef, ev event.Event, detail any) {
	text, err := json.Marshal(detail)
	if err != nil {
		panic("BUG: encode event: " + err.Error())
	}
	ev.Detail = text
	if _, err := e.Emit(b, bus, ev); err != nil {
		log.Error("put an event on the bus", "source", ev.Source, "type", ev.DetailType, "err", err)
	}
}

// QueryEvents puts the changes of queries on the default bus, in the batch of the change.
//
// Source: "Monitor Athena query events with EventBridge" in the Amazon Athena user guide.
type QueryEvents struct {
	Events *event.Engine
	Logger *slog.Logger
}

var _ query.Events = QueryEvents{}

// QueryChanged implements query.Events.
func (q QueryEvents) QueryChanged(b *kv.Batch, s ident.Scope, x *query.Execution, before query.State) {
	bus := event.BusRef{Scope: s, Name: event.DefaultBus}
	if !q.Events.Wanted(bus) {
		return
	}
	n := 1
	switch {
	case before == query.Queued:
		n = 2
	case before != "":
		n = 3
	}
	d := map[string]any{
		"versionId": "0", "currentState": string(x.State), "statementType": x.StatementType, "queryExecutionId": x.ID, "workgroupName": x.Workgroup, "sequenceNumber": strconv.Itoa(n),
	}
	if before != "" {
		d["previousState"] = string(before)
	}
	if x.State == query.Failed {
		d["athenaError"] = map[string]any{"errorMessage": x.Reason}
	}
	emit(q.Events, q.Logger, b, bus, event.Event{Source: "aws.athena", DetailType: "Athena Query State Change"}, d)
}

// CatalogEvents puts the changes of tables and partitions on the default bus, in the batch of the change.
//
// Source: "AWS Glue events" in the AWS Glue developer guide.
type CatalogEvents struct {
	Events *event.Engine
	Logger *slog.Logger
}

var _ catalog.Events = CatalogEvents{}

// CatalogChanged implements catalog.Events.
func (c CatalogEvents) CatalogChanged(b *kv.Batch, s ident.Scope, x catalog.TableEvent) {
	bus := event.BusRef{Scope: s, Name: event.DefaultBus}
	if !c.Events.Wanted(bus) {
		return
	}
	ev := event.Event{Source: "aws.glue", DetailType: "Glue Data Catalog Table State Change", Resources: []string{s.ARN("glue", "table/"+x.Database+"/"+x.Table)}}
	d := map[string]any{"databaseName": x.Database, "typeOfChange": x.Change}
	switch x.Change {
	case "CreateTable", "DeleteTable":
		ev.DetailType = "Glue Data Catalog Database State Change"
		d["changedTables"] = []string{x.Table}
	default:
		parts := []string{}
		for _, values := range x.Partitions {
			parts = append(parts, "["+strings.Join(values, ", ")+"]")
		}
		d["tableName"], d["changedPartitions"] = x.Table, parts
	}
	emit(c.Events, c.Logger, b, bus, ev, d)
}
