package gateway_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/policy"
)

// The services of these tests have the real models and types of their own, with the few members that the tests need:
// every other member is refused by name.

func load(pkg string) func() *model.Model {
	return func() *model.Model {
		b, err := os.ReadFile("../protocol/testdata/models/" + pkg + ".json.gz")
		if err != nil {
			panic(err)
		}
		return model.MustParseGzip(b)
	}
}

type getIn struct{ Bucket, Key string }

type getOut struct{ Body io.ReadCloser }

type putIn struct {
	Bucket, Key     string
	Body            io.Reader
	ContentLength   *int64
	ContentEncoding *string
}

type putOut struct{ ETag *string }

func smallS3() *protocol.Service {
	object := func(b, k string) []string { return []string{"arn:aws:s3:::" + b + "/" + k} }
	public, _ := policy.Parse(policy.Resource, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::public/*"}]}`)
	return &protocol.Service{
		Name: "s3", Model: load("s3api"),
		ResourcePolicy: func(_ context.Context, _ *protocol.Call, arn string) (*policy.Document, string, error) {
			if strings.HasPrefix(arn, "arn:aws:s3:::public/") {
				return public, acct, nil
			}
			return nil, acct, nil
		},
		Ops: []protocol.Op{
			protocol.Handle("GetObject", func(_ *protocol.Call, in *getIn) []string { return object(in.Bucket, in.Key) }, func(_ context.Context, _ *protocol.Call, in *getIn) (*getOut, error) {
				if in.Key == "panic" {
					panic(errBoom)
				}
				return &getOut{Body: io.NopCloser(strings.NewReader(in.Bucket + " " + in.Key))}, nil
			}),
			protocol.Handle("PutObject", func(_ *protocol.Call, in *putIn) []string { return object(in.Bucket, in.Key) }, func(_ context.Context, c *protocol.Call, in *putIn) (*putOut, error) {
				if in.Key == "refused" { // before a byte of it was read
					return nil, &protocol.Error{Code: "NoSuchBucket", Status: http.StatusNotFound}
				}
				b, err := io.ReadAll(in.Body)
				if err != nil {
					return nil, err
				}
				tag := string('0'+rune(*in.ContentLength)) + ":" + in.Key + ":" + string(b)
				if in.ContentEncoding != nil {
					tag += ":" + *in.ContentEncoding
				}
				for _, v := range c.HTTP.Trailer {
					tag += ":" + v[0]
				}
				return &putOut{ETag: &tag}, nil
			}),
		},
	}
}

type functionIn struct{ FunctionName string }

type functionOut struct{}

func smallLambda() *protocol.Service {
	return &protocol.Service{Name: "lambda", Model: load("lambdaapi"), Ops: []protocol.Op{
		protocol.Handle("GetFunction", nil, func(context.Context, *protocol.Call, *functionIn) (*functionOut, error) { return &functionOut{}, nil }),
	}}
}

type machinesIn struct{}

type machinesOut struct{}

func smallSFN() *protocol.Service {
	return &protocol.Service{Name: "states", SDKName: "sfn", Model: load("sfnapi"), Ops: []protocol.Op{
		protocol.Handle("ListStateMachines", nil, func(context.Context, *protocol.Call, *machinesIn) (*machinesOut, error) { return &machinesOut{}, nil }),
	}}
}
