package athenaapi

import (
	"context"
	"errors"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/query"
)

func (a *api) preparedOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreatePreparedStatement", onWorkgroup(func(in *CreatePreparedStatementInput) string { return in.WorkGroup }), a.createPrepared),
		protocol.Handle("GetPreparedStatement", onWorkgroup(func(in *GetPreparedStatementInput) string { return in.WorkGroup }), a.getPrepared),
		protocol.Handle("BatchGetPreparedStatement", onWorkgroup(func(in *BatchGetPreparedStatementInput) string { return in.WorkGroup }), a.batchGetPrepared),
		protocol.Handle("ListPreparedStatements", onWorkgroup(func(in *ListPreparedStatementsInput) string { return in.WorkGroup }), a.listPrepared),
		protocol.Handle("UpdatePreparedStatement", onWorkgroup(func(in *UpdatePreparedStatementInput) string { return in.WorkGroup }), a.updatePrepared),
		protocol.Handle("DeletePreparedStatement", onWorkgroup(func(in *DeletePreparedStatementInput) string { return in.WorkGroup }), a.deletePrepared),
	}
}

func (a *api) createPrepared(ctx context.Context, c *protocol.Call, in *CreatePreparedStatementInput) (*CreatePreparedStatementOutput, error) {
	return &CreatePreparedStatementOutput{}, a.Engine.PutPrepared(ctx, c.Scope, query.Prepared{Name: in.StatementName, Workgroup: in.WorkGroup, Description: protocol.Or(in.Description, ""), Text: in.QueryStatement}, false)
}

func (a *api) updatePrepared(ctx context.Context, c *protocol.Call, in *UpdatePreparedStatementInput) (*UpdatePreparedStatementOutput, error) {
	return &UpdatePreparedStatementOutput{}, a.Engine.PutPrepared(ctx, c.Scope, query.Prepared{Name: in.StatementName, Workgroup: in.WorkGroup, Description: protocol.Or(in.Description, ""), Text: in.QueryStatement}, true)
}

func preparedOut(p query.Prepared) *PreparedStatement {
	return &PreparedStatement{StatementName: &p.Name, WorkGroupName: &p.Workgroup, Description: protocol.Some(p.Description), QueryStatement: &p.Text, LastModifiedTime: &p.Modified}
}

func (a *api) getPrepared(ctx context.Context, c *protocol.Call, in *GetPreparedStatementInput) (*GetPreparedStatementOutput, error) {
	p, err := a.Engine.Prepared(ctx, c.Scope, in.WorkGroup, in.StatementName)
	if err != nil {
		return nil, err
	}
	return &GetPreparedStatementOutput{PreparedStatement: preparedOut(p)}, nil
}

func (a *api) batchGetPrepared(ctx context.Context, c *protocol.Call, in *BatchGetPreparedStatementInput) (*BatchGetPreparedStatementOutput, error) {
	out := &BatchGetPreparedStatementOutput{}
	for _, name := range in.PreparedStatementNames {
		p, err := a.Engine.Prepared(ctx, c.Scope, in.WorkGroup, name)
		switch {
		case errors.Is(err, query.ErrNotFound):
			code, text := "STATEMENT_NOT_FOUND", message(err)
			out.UnprocessedPreparedStatementNames = append(out.UnprocessedPreparedStatementNames, UnprocessedPreparedStatementName{StatementName: &name, ErrorCode: &code, ErrorMessage: &text})
		case err != nil:
			return nil, err
		default:
			out.PreparedStatements = append(out.PreparedStatements, *preparedOut(p))
		}
	}
	return out, nil
}

func (a *api) listPrepared(ctx context.Context, c *protocol.Call, in *ListPreparedStatementsInput) (*ListPreparedStatementsOutput, error) {
	list, next, err := a.Engine.PreparedStatements(ctx, c.Scope, in.WorkGroup, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	out := &ListPreparedStatementsOutput{PreparedStatements: []PreparedStatementSummary{}, NextToken: protocol.Some(next)}
	for _, p := range list {
		out.PreparedStatements = append(out.PreparedStatements, PreparedStatementSummary{StatementName: &p.Name, LastModifiedTime: &p.Modified})
	}
	return out, nil
}

func (a *api) deletePrepared(ctx context.Context, c *protocol.Call, in *DeletePreparedStatementInput) (*DeletePreparedStatementOutput, error) {
	return &DeletePreparedStatementOutput{}, a.Engine.DeletePrepared(ctx, c.Scope, in.WorkGroup, in.StatementName)
}
