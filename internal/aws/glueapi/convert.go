package glueapi

import (
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
)

func columnsIn(list []Column) []catalog.Column {
	var out []catalog.Column
	for _, c := range list {
		out = append(out, catalog.Column{Name: c.Name, Type: protocol.Or(c.Type, ""), Comment: protocol.Or(c.Comment, ""), Parameters: c.Parameters})
	}
	return out
}

func columnsOut(list []catalog.Column) []Column {
	out := make([]Column, len(list))
	for i, c := range list {
		out[i] = Column{Name: c.Name, Type: protocol.Some(c.Type), Comment: protocol.Some(c.Comment), Parameters: c.Parameters}
	}
	return out
}

func storageIn(sd *StorageDescriptor) *catalog.Storage {
	if sd == nil {
		return nil
	}
	out := &catalog.Storage{
		Columns: columnsIn(sd.Columns), Location: protocol.Or(sd.Location, ""), MoreLocations: sd.AdditionalLocations,
		InputFormat: protocol.Or(sd.InputFormat, ""), OutputFormat: protocol.Or(sd.OutputFormat, ""), Compressed: protocol.Or(sd.Compressed, false),
		Buckets: int(protocol.Or(sd.NumberOfBuckets, 0)), BucketColumns: sd.BucketColumns, Parameters: sd.Parameters,
		SubDirectories: protocol.Or(sd.StoredAsSubDirectories, false),
	}
	for _, o := range sd.SortColumns {
		out.SortColumns = append(out.SortColumns, catalog.Order{Column: o.Column, SortOrder: int(o.SortOrder)})
	}
	if s := sd.SerdeInfo; s != nil {
		out.Serde = &catalog.Serde{Name: protocol.Or(s.Name, ""), Library: protocol.Or(s.SerializationLibrary, ""), Parameters: s.Parameters}
	}
	if s := sd.SkewedInfo; s != nil {
		out.Skewed = &catalog.Skewed{Names: s.SkewedColumnNames, Values: s.SkewedColumnValues, Locations: s.SkewedColumnValueLocationMaps}
	}
	return out
}

func storageOut(s *catalog.Storage) *StorageDescriptor {
	if s == nil {
		return nil
	}
	out := &StorageDescriptor{
		Columns: columnsOut(s.Columns), Location: protocol.Some(s.Location), AdditionalLocations: s.MoreLocations, InputFormat: protocol.Some(s.InputFormat),
		OutputFormat: protocol.Some(s.OutputFormat), Compressed: &s.Compressed, NumberOfBuckets: new(int32(s.Buckets)), BucketColumns: s.BucketColumns,
		Parameters: s.Parameters, StoredAsSubDirectories: &s.SubDirectories, SortColumns: []Order{},
	}
	for _, o := range s.SortColumns {
		out.SortColumns = append(out.SortColumns, Order{Column: o.Column, SortOrder: int32(o.SortOrder)})
	}
	if v := s.Serde; v != nil {
		out.SerdeInfo = &SerDeInfo{Name: protocol.Some(v.Name), SerializationLibrary: protocol.Some(v.Library), Parameters: v.Parameters}
	}
	if v := s.Skewed; v != nil {
		out.SkewedInfo = &SkewedInfo{SkewedColumnNames: v.Names, SkewedColumnValues: v.Values, SkewedColumnValueLocationMaps: v.Locations}
	}
	return out
}

func tableIn(database string, in *TableInput) catalog.Table {
	return catalog.Table{
		Database: database, Name: in.Name, Description: protocol.Or(in.Description, ""), Owner: protocol.Or(in.Owner, ""), Type: protocol.Or(in.TableType, ""),
		Retention: int(protocol.Or(in.Retention, 0)), Storage: storageIn(in.StorageDescriptor), PartitionKeys: columnsIn(in.PartitionKeys), Parameters: in.Parameters,
		ViewOriginal: protocol.Or(in.ViewOriginalText, ""), ViewExpanded: protocol.Or(in.ViewExpandedText, ""), LastAccess: protocol.Or(in.LastAccessTime, time.Time{}),
	}
}

func tableOut(s ident.Scope, t catalog.Table) *Table {
	return &Table{
		Name: t.Name, DatabaseName: &t.Database, CatalogId: &s.Account, Description: protocol.Some(t.Description), Owner: protocol.Some(t.Owner),
		CreateTime: &t.Created, UpdateTime: &t.Updated, LastAccessTime: when(t.LastAccess), Retention: new(int32(t.Retention)), StorageDescriptor: storageOut(t.Storage),
		PartitionKeys: columnsOut(t.PartitionKeys), ViewOriginalText: protocol.Some(t.ViewOriginal), ViewExpandedText: protocol.Some(t.ViewExpanded),
		TableType: protocol.Some(t.Type), Parameters: t.Parameters, CreatedBy: protocol.Some(t.CreatedBy), IsRegisteredWithLakeFormation: new(false),
		VersionId: new(strconv.FormatUint(t.Version, 10)),
	}
}

func partitionIn(in *PartitionInput) catalog.Partition {
	return catalog.Partition{
		Values: in.Values, Storage: storageIn(in.StorageDescriptor), Parameters: in.Parameters,
		LastAccess: protocol.Or(in.LastAccessTime, time.Time{}), LastAnalyzed: protocol.Or(in.LastAnalyzedTime, time.Time{}),
	}
}

func partitionOut(s ident.Scope, p catalog.Partition) *Partition {
	return &Partition{
		CatalogId: &s.Account, DatabaseName: &p.Database, TableName: &p.Table, Values: p.Values, StorageDescriptor: storageOut(p.Storage), Parameters: p.Parameters,
		CreationTime: &p.Created, LastAccessTime: when(p.LastAccess), LastAnalyzedTime: when(p.LastAnalyzed),
	}
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
