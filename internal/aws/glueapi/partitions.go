package glueapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
)

func (a *api) partitionOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreatePartition", onTable(func(r *CreatePartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.createPartition),
		protocol.Handle("BatchCreatePartition", onTable(func(r *BatchCreatePartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.batchCreatePartition),
		protocol.Handle("GetPartition", onTable(func(r *GetPartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getPartition),
		protocol.Handle("GetPartitions", onTable(func(r *GetPartitionsRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getPartitions),
		protocol.Handle("BatchGetPartition", onTable(func(r *BatchGetPartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.batchGetPartition),
		protocol.Handle("UpdatePartition", onTable(func(r *UpdatePartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.updatePartition),
		protocol.Handle("BatchUpdatePartition", onTable(func(r *BatchUpdatePartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.batchUpdatePartition),
		protocol.Handle("DeletePartition", onTable(func(r *DeletePartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.deletePartition),
		protocol.Handle("BatchDeletePartition", onTable(func(r *BatchDeletePartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.batchDeletePartition),
		protocol.Handle("CreatePartitionIndex", onTable(func(r *CreatePartitionIndexRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.createIndex),
		protocol.Handle("GetPartitionIndexes", onTable(func(r *GetPartitionIndexesRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getIndexes),
		protocol.Handle("DeletePartitionIndex", onTable(func(r *DeletePartitionIndexRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.deleteIndex),
	}
}

var errPartitionExists = fmt.Errorf("%w: Partition already exists.", catalog.ErrExists)

func (a *api) createPartition(ctx context.Context, c *protocol.Call, in *CreatePartitionRequest) (*CreatePartitionResponse, error) {
	taken, err := a.Catalog.CreatePartitions(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, []catalog.Partition{partitionIn(in.PartitionInput)})
	if err == nil && len(taken) > 0 {
		err = errPartitionExists
	}
	return &CreatePartitionResponse{}, err
}

func (a *api) batchCreatePartition(ctx context.Context, c *protocol.Call, in *BatchCreatePartitionRequest) (*BatchCreatePartitionResponse, error) {
	list := make([]catalog.Partition, len(in.PartitionInputList))
	for i := range in.PartitionInputList {
		list[i] = partitionIn(&in.PartitionInputList[i])
	}
	taken, err := a.Catalog.CreatePartitions(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, list)
	if err != nil {
		return nil, err
	}
	out := &BatchCreatePartitionResponse{}
	for _, i := range taken {
		out.Errors = append(out.Errors, PartitionError{PartitionValues: list[i].Values, ErrorDetail: detail(errPartitionExists)})
	}
	return out, nil
}

func (a *api) getPartition(ctx context.Context, c *protocol.Call, in *GetPartitionRequest) (*GetPartitionResponse, error) {
	s := scope(c, in.CatalogId)
	p, err := a.Catalog.Partition(ctx, s, in.DatabaseName, in.TableName, in.PartitionValues)
	if err != nil {
		return nil, err
	}
	return &GetPartitionResponse{Partition: partitionOut(s, p)}, nil
}

func (a *api) getPartitions(ctx context.Context, c *protocol.Call, in *GetPartitionsRequest) (*GetPartitionsResponse, error) {
	s := scope(c, in.CatalogId)
	q := catalog.PartitionQuery{
		Expression: protocol.Or(in.Expression, ""), Limit: limit(in.MaxResults, catalog.MaxGetPerBatch), WithoutColumns: protocol.Or(in.ExcludeColumnSchema, false),
	}
	if in.Segment != nil {
		q.Segment, q.Total = int(in.Segment.SegmentNumber), int(in.Segment.TotalSegments)
	}
	if in.NextToken != nil {
		data, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if err != nil || json.Unmarshal(data, &q.After) != nil {
			return nil, fmt.Errorf("%w: the token is none of GetPartitions", catalog.ErrBadInput)
		}
	}
	list, more, err := a.Catalog.Partitions(ctx, s, in.DatabaseName, in.TableName, q)
	if err != nil {
		return nil, err
	}
	out := &GetPartitionsResponse{Partitions: make([]Partition, 0, len(list))}
	for _, p := range list {
		out.Partitions = append(out.Partitions, *partitionOut(s, p))
	}
	if more {
		data, err := json.Marshal(list[len(list)-1].Values)
		if err != nil {
			return nil, err
		}
		out.NextToken = new(base64.RawURLEncoding.EncodeToString(data))
	}
	return out, nil
}

func (a *api) batchGetPartition(ctx context.Context, c *protocol.Call, in *BatchGetPartitionRequest) (*BatchGetPartitionResponse, error) {
	s := scope(c, in.CatalogId)
	if _, err := a.Catalog.Table(ctx, s, in.DatabaseName, in.TableName); err != nil {
		return nil, err
	}
	out := &BatchGetPartitionResponse{Partitions: []Partition{}, UnprocessedKeys: []PartitionValueList{}}
	for _, v := range in.PartitionsToGet {
		p, err := a.Catalog.Partition(ctx, s, in.DatabaseName, in.TableName, v.Values)
		if errors.Is(err, catalog.ErrNotFound) {
			continue // Glue leaves out what does not exist
		}
		if err != nil {
			return nil, err
		}
		out.Partitions = append(out.Partitions, *partitionOut(s, p))
	}
	return out, nil
}

func (a *api) updatePartition(ctx context.Context, c *protocol.Call, in *UpdatePartitionRequest) (*UpdatePartitionResponse, error) {
	return &UpdatePartitionResponse{}, a.Catalog.UpdatePartition(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, in.PartitionValueList, partitionIn(in.PartitionInput))
}

func (a *api) batchUpdatePartition(ctx context.Context, c *protocol.Call, in *BatchUpdatePartitionRequest) (*BatchUpdatePartitionResponse, error) {
	s := scope(c, in.CatalogId)
	if _, err := a.Catalog.Table(ctx, s, in.DatabaseName, in.TableName); err != nil {
		return nil, err
	}
	out := &BatchUpdatePartitionResponse{}
	for _, e := range in.Entries {
		if err := a.Catalog.UpdatePartition(ctx, s, in.DatabaseName, in.TableName, e.PartitionValueList, partitionIn(e.PartitionInput)); err != nil {
			out.Errors = append(out.Errors, BatchUpdatePartitionFailureEntry{PartitionValueList: e.PartitionValueList, ErrorDetail: detail(err)})
		}
	}
	return out, nil
}

var errNoPartition = fmt.Errorf("%w: Cannot find partition.", catalog.ErrNotFound)

func (a *api) deletePartition(ctx context.Context, c *protocol.Call, in *DeletePartitionRequest) (*DeletePartitionResponse, error) {
	missing, err := a.Catalog.DeletePartitions(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, [][]string{in.PartitionValues})
	if err == nil && len(missing) > 0 {
		err = errNoPartition
	}
	return &DeletePartitionResponse{}, err
}

func (a *api) batchDeletePartition(ctx context.Context, c *protocol.Call, in *BatchDeletePartitionRequest) (*BatchDeletePartitionResponse, error) {
	values := make([][]string, len(in.PartitionsToDelete))
	for i, v := range in.PartitionsToDelete {
		values[i] = v.Values
	}
	missing, err := a.Catalog.DeletePartitions(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, values)
	if err != nil {
		return nil, err
	}
	out := &BatchDeletePartitionResponse{}
	for _, i := range missing {
		out.Errors = append(out.Errors, PartitionError{PartitionValues: values[i], ErrorDetail: detail(errNoPartition)})
	}
	return out, nil
}

func (a *api) createIndex(ctx context.Context, c *protocol.Call, in *CreatePartitionIndexRequest) (*CreatePartitionIndexResponse, error) {
	x := catalog.Index{Name: in.PartitionIndex.IndexName, Keys: in.PartitionIndex.Keys}
	return &CreatePartitionIndexResponse{}, a.Catalog.CreateIndex(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, x)
}

func (a *api) getIndexes(ctx context.Context, c *protocol.Call, in *GetPartitionIndexesRequest) (*GetPartitionIndexesResponse, error) {
	s := scope(c, in.CatalogId)
	t, err := a.Catalog.Table(ctx, s, in.DatabaseName, in.TableName)
	if err != nil {
		return nil, err
	}
	list, err := a.Catalog.Indexes(ctx, s, in.DatabaseName, in.TableName)
	if err != nil {
		return nil, err
	}
	out := &GetPartitionIndexesResponse{PartitionIndexDescriptorList: []PartitionIndexDescriptor{}}
	for _, x := range list {
		row := PartitionIndexDescriptor{IndexName: x.Name, IndexStatus: PartitionIndexStatus_ACTIVE, Keys: []KeySchemaElement{}}
		for _, k := range x.Keys {
			for _, col := range t.PartitionKeys {
				if col.Name == k {
					row.Keys = append(row.Keys, KeySchemaElement{Name: col.Name, Type: col.Type})
				}
			}
		}
		out.PartitionIndexDescriptorList = append(out.PartitionIndexDescriptorList, row)
	}
	return out, nil
}

func (a *api) deleteIndex(ctx context.Context, c *protocol.Call, in *DeletePartitionIndexRequest) (*DeletePartitionIndexResponse, error) {
	return &DeletePartitionIndexResponse{}, a.Catalog.DeleteIndex(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, in.IndexName)
}
