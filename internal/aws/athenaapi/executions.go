package athenaapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/query"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
)

func (a *api) executionOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("StartQueryExecution", onWorkgroup(func(in *StartQueryExecutionInput) string { return protocol.Or(in.WorkGroup, "") }), a.start),
		protocol.Handle("GetQueryExecution", later[GetQueryExecutionInput], a.getExecution),
		protocol.Handle("BatchGetQueryExecution", later[BatchGetQueryExecutionInput], a.batchGetExecution),
		protocol.Handle("ListQueryExecutions", onWorkgroup(func(in *ListQueryExecutionsInput) string { return protocol.Or(in.WorkGroup, "") }), a.listExecutions),
		protocol.Handle("StopQueryExecution", later[StopQueryExecutionInput], a.stop),
		protocol.Handle("GetQueryResults", later[GetQueryResultsInput], a.results),
		protocol.Handle("GetQueryRuntimeStatistics", later[GetQueryRuntimeStatisticsInput], a.statistics),
	}
}

func (a *api) start(ctx context.Context, c *protocol.Call, in *StartQueryExecutionInput) (*StartQueryExecutionOutput, error) {
	if in.EngineConfiguration != nil {
		return nil, notServed("EngineConfiguration")
	}
	r := query.StartRequest{Text: in.QueryString, Workgroup: protocol.Or(in.WorkGroup, ""), Token: protocol.Or(in.ClientRequestToken, ""),
		Parameters: in.ExecutionParameters, By: c.Principal}
	if x := in.QueryExecutionContext; x != nil {
		r.Catalog, r.Database = protocol.Or(x.Catalog, ""), protocol.Or(x.Database, "")
	}
	if x := in.ResultConfiguration; x != nil {
		r.OutputLocation = protocol.Or(x.OutputLocation, "")
		if x.EncryptionConfiguration != nil {
			r.Encryption, r.KmsKey = string(x.EncryptionConfiguration.EncryptionOption), protocol.Or(x.EncryptionConfiguration.KmsKey, "")
		}
	}
	if x := in.ResultReuseConfiguration; x != nil && x.ResultReuseByAgeConfiguration != nil && x.ResultReuseByAgeConfiguration.Enabled {
		r.ReuseMinutes = int(protocol.Or(x.ResultReuseByAgeConfiguration.MaxAgeInMinutes, 60))
	}
	id, err := a.Engine.Start(ctx, c.Scope, r)
	var syntax *parse.Error
	if errors.As(err, &syntax) {
		return nil, &protocol.Error{Code: Code_InvalidRequestException, Message: syntax.Error(), Members: map[string]any{"AthenaErrorCode": "MALFORMED_QUERY"}}
	}
	if err != nil {
		return nil, err
	}
	return &StartQueryExecutionOutput{QueryExecutionId: &id}, nil
}

func (a *api) getExecution(ctx context.Context, c *protocol.Call, in *GetQueryExecutionInput) (*GetQueryExecutionOutput, error) {
	x, err := a.execution(ctx, c, in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	return &GetQueryExecutionOutput{QueryExecution: executionOut(x)}, nil
}

// execution finds an execution. Athena answers InvalidRequestException for an id that it does not know.
func (a *api) execution(ctx context.Context, c *protocol.Call, id string) (*query.Execution, error) {
	x, err := a.Engine.Execution(ctx, c.Scope, id)
	if err == nil {
		return x, allowed(ctx, c, x.Workgroup)
	}
	if e := allowed(ctx, c, ""); e != nil {
		return nil, e
	}
	if errors.Is(err, query.ErrNotFound) {
		return nil, &protocol.Error{Code: Code_InvalidRequestException, Message: "QueryExecution " + id + " was not found", Members: map[string]any{"AthenaErrorCode": "INVALID_QUERY_EXECUTION_ID"}}
	}
	return x, err
}

func executionOut(x *query.Execution) *QueryExecution {
	state, kind := QueryExecutionState(x.State), StatementType(x.StatementType)
	selected, effective := "AUTO", "Athena engine version 3"
	out := &QueryExecution{
		QueryExecutionId: &x.ID, Query: &x.Text, StatementType: &kind, SubstatementType: protocol.Some(x.Substatement), WorkGroup: &x.Workgroup,
		EngineVersion: &EngineVersion{SelectedEngineVersion: &selected, EffectiveEngineVersion: &effective}, ExecutionParameters: x.Parameters,
		QueryExecutionContext: &QueryExecutionContext{Catalog: protocol.Some(x.Catalog), Database: protocol.Some(x.Database)},
		ResultConfiguration:   &ResultConfiguration{OutputLocation: &x.OutputLocation},
		Status:                &QueryExecutionStatus{State: &state, StateChangeReason: protocol.Some(x.Reason), SubmissionDateTime: &x.Submitted},
		Statistics: &QueryExecutionStatistics{
			DataScannedInBytes: &x.ScannedBytes, EngineExecutionTimeInMillis: &x.EngineMillis, QueryPlanningTimeInMillis: &x.PlanMillis,
			QueryQueueTimeInMillis: &x.QueueMillis, ServiceProcessingTimeInMillis: &x.ServiceMillis, TotalExecutionTimeInMillis: &x.TotalMillis,
			DataManifestLocation: protocol.Some(x.Manifest), ResultReuseInformation: &ResultReuseInformation{ReusedPreviousResult: x.Reused},
		},
	}
	if x.Encryption != "" {
		out.ResultConfiguration.EncryptionConfiguration = &EncryptionConfiguration{EncryptionOption: EncryptionOption(x.Encryption), KmsKey: protocol.Some(x.KmsKey)}
	}
	if x.ReuseMinutes > 0 {
		age := int32(x.ReuseMinutes)
		out.ResultReuseConfiguration = &ResultReuseConfiguration{ResultReuseByAgeConfiguration: &ResultReuseByAgeConfiguration{Enabled: true, MaxAgeInMinutes: &age}}
	}
	if x.State.Final() {
		out.Status.CompletionDateTime = &x.Completed
	}
	if x.State == query.Failed {
		category, kind := int32(2), int32(1006) // the user's, a query that cannot run
		retryable := x.Retryable
		if retryable {
			category, kind = 1, 100
		}
		out.Status.AthenaError = &AthenaError{ErrorCategory: &category, ErrorType: &kind, ErrorMessage: &x.Reason, Retryable: &retryable}
	}
	return out
}

func (a *api) batchGetExecution(ctx context.Context, c *protocol.Call, in *BatchGetQueryExecutionInput) (*BatchGetQueryExecutionOutput, error) {
	out := &BatchGetQueryExecutionOutput{}
	for _, id := range in.QueryExecutionIds {
		x, err := a.Engine.Execution(ctx, c.Scope, id)
		workgroup := ""
		if err == nil {
			workgroup = x.Workgroup
		}
		if e := allowed(ctx, c, workgroup); e != nil {
			return nil, e
		}
		switch {
		case errors.Is(err, query.ErrNotFound):
			code, text := "INVALID_QUERY_EXECUTION_ID", "QueryExecution "+id+" was not found"
			out.UnprocessedQueryExecutionIds = append(out.UnprocessedQueryExecutionIds, UnprocessedQueryExecutionId{QueryExecutionId: &id, ErrorCode: &code, ErrorMessage: &text})
		case err != nil:
			return nil, err
		default:
			out.QueryExecutions = append(out.QueryExecutions, *executionOut(x))
		}
	}
	return out, nil
}

func (a *api) listExecutions(ctx context.Context, c *protocol.Call, in *ListQueryExecutionsInput) (*ListQueryExecutionsOutput, error) {
	ids, next, err := a.Engine.Executions(ctx, c.Scope, protocol.Or(in.WorkGroup, ""), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	if ids == nil {
		ids = []string{}
	}
	return &ListQueryExecutionsOutput{QueryExecutionIds: ids, NextToken: protocol.Some(next)}, nil
}

func (a *api) stop(ctx context.Context, c *protocol.Call, in *StopQueryExecutionInput) (*StopQueryExecutionOutput, error) {
	if _, err := a.execution(ctx, c, in.QueryExecutionId); err != nil {
		return nil, err
	}
	return &StopQueryExecutionOutput{}, a.Engine.Stop(ctx, c.Scope, in.QueryExecutionId)
}

func (a *api) results(ctx context.Context, c *protocol.Call, in *GetQueryResultsInput) (*GetQueryResultsOutput, error) {
	if in.QueryResultType != nil && *in.QueryResultType != QueryResultType_DATA_ROWS {
		return nil, notServed("QueryResultType " + string(*in.QueryResultType))
	}
	x, err := a.execution(ctx, c, in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	if bucket, key, ok := strings.Cut(strings.TrimPrefix(x.OutputLocation, "s3://"), "/"); ok {
		if e := c.Allowed(ctx, protocol.Access{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + bucket + "/" + key}); e != nil && e.Code != "NoSuchBucket" {
			return nil, e
		}
	}
	n := int(protocol.Or(in.MaxResults, 1000))
	if n < 1 || n > 1000 {
		return nil, fmt.Errorf("%w: MaxResults is more than maximum allowed length 1000.", query.ErrInvalid)
	}
	page, err := a.Engine.Results(ctx, x, protocol.Or(in.NextToken, ""), n)
	if err != nil {
		return nil, err
	}
	out := &GetQueryResultsOutput{NextToken: protocol.Some(page.Next), UpdateCount: &page.UpdateCount,
		ResultSet: &ResultSet{Rows: []Row{}, ResultSetMetadata: &ResultSetMetadata{ColumnInfo: []ColumnInfo{}}}}
	for _, col := range page.Columns {
		out.ResultSet.ResultSetMetadata.ColumnInfo = append(out.ResultSet.ResultSetMetadata.ColumnInfo, columnInfo(col, x.Header))
	}
	for _, r := range page.Rows {
		row := Row{Data: make([]Datum, len(r))}
		for i, v := range r {
			row.Data[i].VarCharValue = v
		}
		out.ResultSet.Rows = append(out.ResultSet.Rows, row)
	}
	return out, nil
}

func columnInfo(col query.Column, typed bool) ColumnInfo {
	name, p, s := query.TypeName(col.Type)
	if !typed && name == "varchar" {
		name, p = "string", 0 // the output of DDL has Hive's types
	}
	hive, empty, precision, scale, sensitive := "hive", "", int32(p), int32(s), name == "varchar" || name == "char"
	nullable := ColumnNullable_UNKNOWN
	label := col.Name
	return ColumnInfo{CatalogName: &hive, SchemaName: &empty, TableName: &empty, Name: col.Name, Label: &label, Type: name,
		Precision: &precision, Scale: &scale, Nullable: &nullable, CaseSensitive: &sensitive}
}

func (a *api) statistics(ctx context.Context, c *protocol.Call, in *GetQueryRuntimeStatisticsInput) (*GetQueryRuntimeStatisticsOutput, error) {
	x, err := a.execution(ctx, c, in.QueryExecutionId)
	if err != nil {
		return nil, err
	}
	return &GetQueryRuntimeStatisticsOutput{QueryRuntimeStatistics: &QueryRuntimeStatistics{
		Rows: &QueryRuntimeStatisticsRows{InputBytes: &x.ScannedBytes, OutputBytes: &x.OutputBytes, OutputRows: &x.Rows},
		Timeline: &QueryRuntimeStatisticsTimeline{EngineExecutionTimeInMillis: &x.EngineMillis, QueryPlanningTimeInMillis: &x.PlanMillis,
			QueryQueueTimeInMillis: &x.QueueMillis, ServiceProcessingTimeInMillis: &x.ServiceMillis, TotalExecutionTimeInMillis: &x.TotalMillis},
	}}, nil
}
