package glueapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
)

func (a *api) statisticsOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("GetColumnStatisticsForTable", onTable(func(r *GetColumnStatisticsForTableRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getTableStatistics),
		protocol.Handle("UpdateColumnStatisticsForTable", onTable(func(r *UpdateColumnStatisticsForTableRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.updateTableStatistics),
		protocol.Handle("DeleteColumnStatisticsForTable", onTable(func(r *DeleteColumnStatisticsForTableRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.deleteTableStatistics),
		protocol.Handle("GetColumnStatisticsForPartition", onTable(func(r *GetColumnStatisticsForPartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.getPartitionStatistics),
		protocol.Handle("UpdateColumnStatisticsForPartition", onTable(func(r *UpdateColumnStatisticsForPartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.updatePartitionStatistics),
		protocol.Handle("DeleteColumnStatisticsForPartition", onTable(func(r *DeleteColumnStatisticsForPartitionRequest) (*string, string, string) {
			return r.CatalogId, r.DatabaseName, r.TableName
		}), a.deletePartitionStatistics),
	}
}

func (a *api) statistics(ctx context.Context, s ident.Scope, db, table string, values, columns []string) ([]ColumnStatistics, []ColumnError, error) {
	list, missing, err := a.Catalog.Statistics(ctx, s, db, table, values, columns)
	if err != nil {
		return nil, nil, err
	}
	out, errs := []ColumnStatistics{}, []ColumnError{}
	for _, st := range list {
		row := ColumnStatistics{ColumnName: st.Column, ColumnType: st.Type, AnalyzedTime: st.Analyzed, StatisticsData: &ColumnStatisticsData{}}
		if err := json.Unmarshal(st.Data, row.StatisticsData); err != nil {
			return nil, nil, fmt.Errorf("decode statistics of %s: %w", st.Column, err)
		}
		out = append(out, row)
	}
	for _, col := range missing {
		errs = append(errs, ColumnError{ColumnName: &col, Error: detail(fmt.Errorf("%w: Statistics do not exist for column %s", catalog.ErrNotFound, col))})
	}
	return out, errs, nil
}

func (a *api) putStatistics(ctx context.Context, s ident.Scope, db, table string, values []string, list []ColumnStatistics) ([]ColumnStatisticsError, error) {
	rows := make([]catalog.ColumnStatistics, len(list))
	for i, st := range list {
		data, err := json.Marshal(st.StatisticsData)
		if err != nil {
			return nil, fmt.Errorf("encode statistics of %s: %w", st.ColumnName, err)
		}
		rows[i] = catalog.ColumnStatistics{Column: st.ColumnName, Type: st.ColumnType, Analyzed: st.AnalyzedTime, Data: data}
	}
	unknown, err := a.Catalog.PutStatistics(ctx, s, db, table, values, rows)
	errs := []ColumnStatisticsError{}
	for _, i := range unknown {
		errs = append(errs, ColumnStatisticsError{ColumnStatistics: &list[i], Error: detail(fmt.Errorf("%w: Column %s not found", catalog.ErrNotFound, list[i].ColumnName))})
	}
	return errs, err
}

func (a *api) getTableStatistics(ctx context.Context, c *protocol.Call, in *GetColumnStatisticsForTableRequest) (*GetColumnStatisticsForTableResponse, error) {
	list, errs, err := a.statistics(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, nil, in.ColumnNames)
	return &GetColumnStatisticsForTableResponse{ColumnStatisticsList: list, Errors: errs}, err
}

func (a *api) updateTableStatistics(ctx context.Context, c *protocol.Call, in *UpdateColumnStatisticsForTableRequest) (*UpdateColumnStatisticsForTableResponse, error) {
	errs, err := a.putStatistics(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, nil, in.ColumnStatisticsList)
	return &UpdateColumnStatisticsForTableResponse{Errors: errs}, err
}

func (a *api) deleteTableStatistics(ctx context.Context, c *protocol.Call, in *DeleteColumnStatisticsForTableRequest) (*DeleteColumnStatisticsForTableResponse, error) {
	return &DeleteColumnStatisticsForTableResponse{}, a.Catalog.DeleteStatistics(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, nil, in.ColumnName)
}

func (a *api) getPartitionStatistics(ctx context.Context, c *protocol.Call, in *GetColumnStatisticsForPartitionRequest) (*GetColumnStatisticsForPartitionResponse, error) {
	list, errs, err := a.statistics(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, in.PartitionValues, in.ColumnNames)
	return &GetColumnStatisticsForPartitionResponse{ColumnStatisticsList: list, Errors: errs}, err
}

func (a *api) updatePartitionStatistics(ctx context.Context, c *protocol.Call, in *UpdateColumnStatisticsForPartitionRequest) (*UpdateColumnStatisticsForPartitionResponse, error) {
	errs, err := a.putStatistics(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, in.PartitionValues, in.ColumnStatisticsList)
	return &UpdateColumnStatisticsForPartitionResponse{Errors: errs}, err
}

func (a *api) deletePartitionStatistics(ctx context.Context, c *protocol.Call, in *DeleteColumnStatisticsForPartitionRequest) (*DeleteColumnStatisticsForPartitionResponse, error) {
	return &DeleteColumnStatisticsForPartitionResponse{}, a.Catalog.DeleteStatistics(ctx, scope(c, in.CatalogId), in.DatabaseName, in.TableName, in.PartitionValues, in.ColumnName)
}
