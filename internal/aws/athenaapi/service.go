package athenaapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/query"
)

// Options of the service.
type Options struct {
	Engine  *query.Engine
	Catalog *catalog.Catalog
}

type api struct{ Options }

// New returns the operation table of Amazon Athena.
func New(o Options) *protocol.Service {
	a := &api{o}
	return &protocol.Service{
		Name: "athena", Model: Model, MapError: mapError,
		ValidationCode: Code_InvalidRequestException, InternalCode: Code_InternalServerException,
		Ops: slices.Concat(a.executionOps(), a.namedOps(), a.preparedOps(), a.workgroupOps(), a.catalogOps(), a.tagOps()),
	}
}

// errNotServed reports a part of a request that Tarn does not carry out.
var errNotServed = errors.New("not supported")

func notServed(member string) error {
	return fmt.Errorf("%w: %s is not supported", errNotServed, member)
}

var errorTable = []struct {
	err  error
	code string
}{
	{query.ErrNotFound, Code_ResourceNotFoundException},
	{query.ErrInvalid, Code_InvalidRequestException},
	{errNotServed, Code_InvalidRequestException},
}

func mapError(err error) *protocol.Error {
	if errors.Is(err, query.ErrNoMetadata) || errors.Is(err, catalog.ErrNotFound) { // clients look for the Data Catalog's code in the text
		return &protocol.Error{Code: Code_MetadataException, Message: message(err) + " (Service: AmazonDataCatalog; Status Code: 400; Error Code: EntityNotFoundException; Request ID: " + ident.UUID() + "; Proxy: null)"}
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

// workgroupARN names the resource that policies are asked about.
func workgroupARN(c *protocol.Call, name string) []string {
	if name == "" {
		name = query.Primary
	}
	return []string{c.ARN("athena", "workgroup/"+name)}
}

func onWorkgroup[In any](name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string { return workgroupARN(c, name(in)) }
}

// later leaves the question to the handler, which alone knows the work group of what an id names.
func later[In any](*protocol.Call, *In) []string { return nil }

// allowed asks whether the operation may be carried out in a work group; "" is one that is not known.
func allowed(ctx context.Context, c *protocol.Call, workgroup string) error {
	if workgroup == "" {
		workgroup = "*"
	}
	if e := c.Allowed(ctx, protocol.Access{Action: "athena:" + c.Operation, Resource: c.ARN("athena", "workgroup/"+workgroup)}); e != nil {
		return e
	}
	return nil
}

// limit returns how many entries a page has.
func limit(n *int32, def int) int {
	if v := int(protocol.Or(n, 0)); v > 0 && v < def {
		return v
	}
	return def
}
