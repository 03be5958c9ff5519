package athenaapi

import (
	"context"
	"errors"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/query"
)

func (a *api) namedOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateNamedQuery", onWorkgroup(func(in *CreateNamedQueryInput) string { return protocol.Or(in.WorkGroup, "") }), a.createNamed),
		protocol.Handle("GetNamedQuery", later[GetNamedQueryInput], a.getNamed),
		protocol.Handle("BatchGetNamedQuery", later[BatchGetNamedQueryInput], a.batchGetNamed),
		protocol.Handle("ListNamedQueries", onWorkgroup(func(in *ListNamedQueriesInput) string { return protocol.Or(in.WorkGroup, "") }), a.listNamed),
		protocol.Handle("UpdateNamedQuery", later[UpdateNamedQueryInput], a.updateNamed),
		protocol.Handle("DeleteNamedQuery", later[DeleteNamedQueryInput], a.deleteNamed),
	}
}

func (a *api) createNamed(ctx context.Context, c *protocol.Call, in *CreateNamedQueryInput) (*CreateNamedQueryOutput, error) {
	id, err := a.Engine.CreateNamedQuery(ctx, c.Scope, query.NamedQuery{Name: in.Name, Description: protocol.Or(in.Description, ""), Database: in.Database,
		Text: in.QueryString, Workgroup: protocol.Or(in.WorkGroup, "")}, protocol.Or(in.ClientRequestToken, ""))
	if err != nil {
		return nil, err
	}
	return &CreateNamedQueryOutput{NamedQueryId: &id}, nil
}

func namedOut(q query.NamedQuery) *NamedQuery {
	return &NamedQuery{NamedQueryId: &q.ID, Name: q.Name, Description: protocol.Some(q.Description), Database: q.Database, QueryString: q.Text, WorkGroup: &q.Workgroup}
}

func (a *api) getNamed(ctx context.Context, c *protocol.Call, in *GetNamedQueryInput) (*GetNamedQueryOutput, error) {
	q, err := a.named(ctx, c, in.NamedQueryId)
	if err != nil {
		return nil, err
	}
	return &GetNamedQueryOutput{NamedQuery: namedOut(q)}, nil
}

// named finds a query. Athena answers InvalidRequestException for an id that it does not know.
func (a *api) named(ctx context.Context, c *protocol.Call, id string) (query.NamedQuery, error) {
	q, err := a.Engine.NamedQuery(ctx, c.Scope, id)
	if e := allowed(ctx, c, q.Workgroup); e != nil {
		return q, e
	}
	if errors.Is(err, query.ErrNotFound) {
		return q, &protocol.Error{Code: Code_InvalidRequestException, Message: "NamedQuery " + id + " was not found"}
	}
	return q, err
}

func (a *api) batchGetNamed(ctx context.Context, c *protocol.Call, in *BatchGetNamedQueryInput) (*BatchGetNamedQueryOutput, error) {
	out := &BatchGetNamedQueryOutput{}
	for _, id := range in.NamedQueryIds {
		q, err := a.Engine.NamedQuery(ctx, c.Scope, id)
		if e := allowed(ctx, c, q.Workgroup); e != nil {
			return nil, e
		}
		switch {
		case errors.Is(err, query.ErrNotFound):
			code, text := "INVALID_NAMED_QUERY_ID", "NamedQuery "+id+" was not found"
			out.UnprocessedNamedQueryIds = append(out.UnprocessedNamedQueryIds, UnprocessedNamedQueryId{NamedQueryId: &id, ErrorCode: &code, ErrorMessage: &text})
		case err != nil:
			return nil, err
		default:
			out.NamedQueries = append(out.NamedQueries, *namedOut(q))
		}
	}
	return out, nil
}

func (a *api) listNamed(ctx context.Context, c *protocol.Call, in *ListNamedQueriesInput) (*ListNamedQueriesOutput, error) {
	list, next, err := a.Engine.NamedQueries(ctx, c.Scope, protocol.Or(in.WorkGroup, ""), protocol.Or(in.NextToken, ""), limit(in.MaxResults, 50))
	if err != nil {
		return nil, err
	}
	out := &ListNamedQueriesOutput{NamedQueryIds: []string{}, NextToken: protocol.Some(next)}
	for _, q := range list {
		out.NamedQueryIds = append(out.NamedQueryIds, q.ID)
	}
	return out, nil
}

func (a *api) updateNamed(ctx context.Context, c *protocol.Call, in *UpdateNamedQueryInput) (*UpdateNamedQueryOutput, error) {
	if _, err := a.named(ctx, c, in.NamedQueryId); err != nil {
		return nil, err
	}
	return &UpdateNamedQueryOutput{}, a.Engine.UpdateNamedQuery(ctx, c.Scope, in.NamedQueryId, in.Name, protocol.Or(in.Description, ""), in.QueryString)
}

func (a *api) deleteNamed(ctx context.Context, c *protocol.Call, in *DeleteNamedQueryInput) (*DeleteNamedQueryOutput, error) {
	if _, err := a.named(ctx, c, in.NamedQueryId); err != nil {
		return nil, err
	}
	return &DeleteNamedQueryOutput{}, a.Engine.DeleteNamedQuery(ctx, c.Scope, in.NamedQueryId)
}
