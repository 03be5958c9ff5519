package glueapi

import (
	"context"
	"fmt"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/crawl"
)

func (a *api) classifierOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("CreateClassifier", nil, a.createClassifier),
		protocol.Handle("GetClassifier", nil, a.getClassifier),
		protocol.Handle("GetClassifiers", nil, a.getClassifiers),
		protocol.Handle("UpdateClassifier", nil, a.updateClassifier),
		protocol.Handle("DeleteClassifier", nil, a.deleteClassifier),
	}
}

var errOneKind = fmt.Errorf("%w: give exactly one of CsvClassifier and JsonClassifier", crawl.ErrBadInput)

func (a *api) createClassifier(ctx context.Context, c *protocol.Call, in *CreateClassifierRequest) (*CreateClassifierResponse, error) {
	var cl crawl.Classifier
	switch csv, js := in.CsvClassifier, in.JsonClassifier; {
	case csv != nil && js == nil:
		cl = crawl.Classifier{
			Name: csv.Name, Kind: "csv", Delimiter: protocol.Or(csv.Delimiter, ""), Quote: protocol.Or(csv.QuoteSymbol, ""), Header: csv.Header,
			HasHeader: string(protocol.Or(csv.ContainsHeader, "")), KeepSpace: protocol.Or(csv.DisableValueTrimming, false), OneColumn: protocol.Or(csv.AllowSingleColumn, false),
			Serde: string(protocol.Or(csv.Serde, "")), CustomTypes: csv.CustomDatatypes, CustomEnabled: protocol.Or(csv.CustomDatatypeConfigured, false),
		}
	case js != nil && csv == nil:
		cl = crawl.Classifier{Name: js.Name, Kind: "json", JSONPath: js.JsonPath}
	default:
		return nil, errOneKind
	}
	return &CreateClassifierResponse{}, a.Crawl.CreateClassifier(ctx, c.Scope, cl)
}

func classifierOut(c crawl.Classifier) Classifier {
	if c.Kind == "json" {
		return Classifier{JsonClassifier: &JsonClassifier{Name: c.Name, JsonPath: c.JSONPath, CreationTime: &c.Created, LastUpdated: &c.Updated, Version: &c.Version}}
	}
	return Classifier{CsvClassifier: &CsvClassifier{
		Name: c.Name, Delimiter: protocol.Some(c.Delimiter), QuoteSymbol: protocol.Some(c.Quote), Header: c.Header, ContainsHeader: protocol.Some(CsvHeaderOption(c.HasHeader)),
		DisableValueTrimming: &c.KeepSpace, AllowSingleColumn: &c.OneColumn, Serde: protocol.Some(CsvSerdeOption(c.Serde)), CustomDatatypes: c.CustomTypes,
		CustomDatatypeConfigured: &c.CustomEnabled, CreationTime: &c.Created, LastUpdated: &c.Updated, Version: &c.Version,
	}}
}

func (a *api) getClassifier(ctx context.Context, c *protocol.Call, in *GetClassifierRequest) (*GetClassifierResponse, error) {
	cl, err := a.Crawl.Classifier(ctx, c.Scope, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetClassifierResponse{Classifier: new(classifierOut(cl))}, nil
}

func (a *api) getClassifiers(ctx context.Context, c *protocol.Call, in *GetClassifiersRequest) (*GetClassifiersResponse, error) {
	list, more, err := a.Crawl.Classifiers(ctx, c.Scope, protocol.Or(in.NextToken, ""), limit(in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	out := &GetClassifiersResponse{Classifiers: []Classifier{}}
	for _, cl := range list {
		out.Classifiers = append(out.Classifiers, classifierOut(cl))
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) updateClassifier(ctx context.Context, c *protocol.Call, in *UpdateClassifierRequest) (*UpdateClassifierResponse, error) {
	csv, js := in.CsvClassifier, in.JsonClassifier
	if (csv == nil) == (js == nil) {
		return nil, errOneKind
	}
	if js != nil {
		return &UpdateClassifierResponse{}, a.Crawl.UpdateClassifier(ctx, c.Scope, js.Name, func(cl *crawl.Classifier) { cl.JSONPath = protocol.Or(js.JsonPath, cl.JSONPath) })
	}
	return &UpdateClassifierResponse{}, a.Crawl.UpdateClassifier(ctx, c.Scope, csv.Name, func(cl *crawl.Classifier) {
		cl.Delimiter = protocol.Or(csv.Delimiter, cl.Delimiter)
		cl.Quote = protocol.Or(csv.QuoteSymbol, cl.Quote)
		cl.HasHeader = string(protocol.Or(csv.ContainsHeader, CsvHeaderOption(cl.HasHeader)))
		cl.KeepSpace = protocol.Or(csv.DisableValueTrimming, cl.KeepSpace)
		cl.OneColumn = protocol.Or(csv.AllowSingleColumn, cl.OneColumn)
		cl.Serde = string(protocol.Or(csv.Serde, CsvSerdeOption(cl.Serde)))
		cl.CustomEnabled = protocol.Or(csv.CustomDatatypeConfigured, cl.CustomEnabled)
		if csv.Header != nil {
			cl.Header = csv.Header
		}
		if csv.CustomDatatypes != nil {
			cl.CustomTypes = csv.CustomDatatypes
		}
	})
}

func (a *api) deleteClassifier(ctx context.Context, c *protocol.Call, in *DeleteClassifierRequest) (*DeleteClassifierResponse, error) {
	return &DeleteClassifierResponse{}, a.Crawl.DeleteClassifier(ctx, c.Scope, in.Name)
}
