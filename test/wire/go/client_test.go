// Package wire drives a running Tarn with aws-sdk-go-v2, as a program of its users does. It is a module of its own so that
// Tarn itself does not depend on the SDK; test_clients.py runs it with the endpoint and keys in the SDK's own environment variables.
package wire

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

func load(t *testing.T) aws.Config {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func lake(t *testing.T) (*s3.Client, string) {
	t.Helper()
	client := s3.NewFromConfig(load(t), func(o *s3.Options) { o.UsePathStyle = true })
	bucket := "go-" + strings.ToLower(rand.Text()[:12])
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	return client, bucket
}

func put(t *testing.T, client *s3.Client, bucket, key string, body []byte) string {
	t.Helper()
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.ETag)
}

func get(t *testing.T, client *s3.Client, bucket, key string) []byte {
	t.Helper()
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: s3types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// code is AWS's name of an error.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

// until polls done until it says so.
func until(t *testing.T, what string, done func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s did not happen within a minute", what)
		}
	}
}

func TestObjects(t *testing.T) {
	client, bucket := lake(t)
	body := []byte("héllo")
	sum := md5.Sum(body)
	const key = "a/b c+d é.txt"
	if got, want := put(t, client, bucket, key, body), `"`+hex.EncodeToString(sum[:])+`"`; got != want {
		t.Errorf("ETag is %s, want %s", got, want)
	}
	if got := get(t, client, bucket, key); !bytes.Equal(got, body) {
		t.Errorf("read back %q, want %q", got, body)
	}
	if _, err := client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("copy"), CopySource: aws.String(bucket + "/a/b%20c%2Bd%20%C3%A9.txt")}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, client, bucket, "copy"); !bytes.Equal(got, body) {
		t.Errorf("the copy is %q, want %q", got, body)
	}
	_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("none")})
	if _, ok := errors.AsType[*s3types.NoSuchKey](err); !ok {
		t.Errorf("a missing object answers %v, want NoSuchKey", err)
	}
}

// A body that cannot be read twice goes out in signed chunks with a trailing checksum.
func TestStreamOfUnknownHash(t *testing.T) {
	client, bucket := lake(t)
	body := make([]byte, 300_000)
	rand.Read(body)
	file, err := os.Create(t.TempDir() + "/body")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(body); err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range s3types.ChecksumAlgorithm("").Values()[:5] {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(string(algorithm)), Body: file, ChecksumAlgorithm: algorithm}); err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if got := get(t, client, bucket, string(algorithm)); !bytes.Equal(got, body) {
			t.Errorf("%s: read back %d other bytes", algorithm, len(got))
		}
	}
}

func TestMultipart(t *testing.T) {
	client, bucket := lake(t)
	key := aws.String("big")
	begun, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: key, ChecksumAlgorithm: s3types.ChecksumAlgorithmCrc32})
	if err != nil {
		t.Fatal(err)
	}
	var whole []byte
	var parts []s3types.CompletedPart
	for i, size := range []int{5 << 20, 5 << 20, 1234} {
		part := make([]byte, size)
		rand.Read(part)
		whole = append(whole, part...)
		out, err := client.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &bucket, Key: key, UploadId: begun.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(part)})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, s3types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1)), ChecksumCRC32: out.ChecksumCRC32})
	}
	done, err := client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: key, UploadId: begun.UploadId, MultipartUpload: &s3types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(aws.ToString(done.ETag), `-3"`) {
		t.Errorf("ETag of three parts is %s", aws.ToString(done.ETag))
	}
	if got := get(t, client, bucket, "big"); !bytes.Equal(got, whole) {
		t.Errorf("read back %d bytes, not the %d that were sent", len(got), len(whole))
	}
}

func TestListPages(t *testing.T) {
	client, bucket := lake(t)
	for i := range 25 {
		put(t, client, bucket, fmt.Sprintf("k/%03d", i), []byte("x"))
	}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(10)})
	var sizes []int
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Contents))
	}
	if fmt.Sprint(sizes) != "[10 10 5]" {
		t.Errorf("pages of %v objects, want [10 10 5]", sizes)
	}
}

func TestQueue(t *testing.T) {
	client := sqs.NewFromConfig(load(t))
	queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("go-" + rand.Text()[:12])})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("one"),
		MessageAttributes: map[string]sqstypes.MessageAttributeValue{"n": {DataType: aws.String("Number"), StringValue: aws.String("1")}}}); err != nil {
		t.Fatal(err)
	}
	// The SDK compares the MD5 sums of body and attributes itself.
	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 5, MessageAttributeNames: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Messages) != 1 || aws.ToString(got.Messages[0].Body) != "one" || aws.ToString(got.Messages[0].MessageAttributes["n"].StringValue) != "1" {
		t.Fatalf("received %+v", got.Messages)
	}
	if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: got.Messages[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
	if _, ok := errors.AsType[*sqstypes.QueueDoesNotExist](err); !ok {
		t.Errorf("a missing queue answers %v, want QueueDoesNotExist", err)
	}
}

func TestCatalogAndQuery(t *testing.T) {
	objects, bucket := lake(t)
	put(t, objects, bucket, "rows/a.csv", []byte("1,ann\n2,bob\n"))
	catalog := glue.NewFromConfig(load(t))
	database := strings.ReplaceAll(bucket, "-", "_")
	if _, err := catalog.CreateDatabase(t.Context(), &glue.CreateDatabaseInput{DatabaseInput: &gluetypes.DatabaseInput{Name: &database}}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"one", "two", "three"} {
		if _, err := catalog.CreateTable(t.Context(), &glue.CreateTableInput{DatabaseName: &database, TableInput: &gluetypes.TableInput{Name: &table, TableType: aws.String("EXTERNAL_TABLE"),
			StorageDescriptor: &gluetypes.StorageDescriptor{
				Columns:      []gluetypes.Column{{Name: aws.String("id"), Type: aws.String("int")}, {Name: aws.String("name"), Type: aws.String("string")}},
				Location:     aws.String("s3://" + bucket + "/rows/"),
				InputFormat:  aws.String("org.apache.hadoop.mapred.TextInputFormat"),
				OutputFormat: aws.String("org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"),
				SerdeInfo:    &gluetypes.SerDeInfo{SerializationLibrary: aws.String("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"), Parameters: map[string]string{"field.delim": ","}},
			}}}); err != nil {
			t.Fatal(err)
		}
	}
	pages := glue.NewGetTablesPaginator(catalog, &glue.GetTablesInput{DatabaseName: &database}, func(o *glue.GetTablesPaginatorOptions) { o.Limit = 2 })
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range page.TableList {
			names = append(names, aws.ToString(table.Name))
		}
	}
	if strings.Join(names, " ") != "one three two" {
		t.Errorf("tables are %v", names)
	}

	client := athena.NewFromConfig(load(t))
	started, err := client.StartQueryExecution(t.Context(), &athena.StartQueryExecutionInput{
		QueryString:           aws.String("SELECT name, id FROM one WHERE id > 1"),
		QueryExecutionContext: &athenatypes.QueryExecutionContext{Database: &database},
		ResultConfiguration:   &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://" + bucket + "/results/")},
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the end of the query", func(ctx context.Context) bool {
		got, err := client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: started.QueryExecutionId})
		if err != nil {
			t.Fatal(err)
		}
		status := got.QueryExecution.Status
		if status.State == athenatypes.QueryExecutionStateFailed {
			t.Fatal(aws.ToString(status.StateChangeReason))
		}
		return status.State == athenatypes.QueryExecutionStateSucceeded
	})
	result, err := client.GetQueryResults(t.Context(), &athena.GetQueryResultsInput{QueryExecutionId: started.QueryExecutionId})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range result.ResultSet.Rows {
		rows = append(rows, aws.ToString(row.Data[0].VarCharValue)+"="+aws.ToString(row.Data[1].VarCharValue))
	}
	if strings.Join(rows, " ") != "name=id bob=2" {
		t.Errorf("rows are %v", rows)
	}
}

func TestStateMachine(t *testing.T) {
	client := sfn.NewFromConfig(load(t))
	machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: aws.String("go-" + rand.Text()[:12]), RoleArn: aws.String(os.Getenv("WIRE_ROLE")),
		Definition: aws.String(`{"StartAt":"Add","States":{"Add":{"Type":"Pass","Parameters":{"n.$":"States.MathAdd($.n, 1)"},"End":true}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	run, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Input: aws.String(`{"n":41}`)})
	if err != nil {
		t.Fatal(err)
	}
	var last *sfn.DescribeExecutionOutput
	until(t, "the end of the execution", func(ctx context.Context) bool {
		if last, err = client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: run.ExecutionArn}); err != nil {
			t.Fatal(err)
		}
		return last.Status != sfntypes.ExecutionStatusRunning
	})
	if got := aws.ToString(last.Output); last.Status != sfntypes.ExecutionStatusSucceeded || got != `{"n":42}` {
		t.Errorf("the execution ended %s with %s", last.Status, got)
	}
	_, err = client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Input: aws.String(`{`)})
	if code(err) != "InvalidExecutionInput" {
		t.Errorf("broken input answers %v, want InvalidExecutionInput", err)
	}
}
