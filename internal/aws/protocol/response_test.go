package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// responses are what handlers answer, in the form of Invoke, to requests of the capture or to those written here. The
// golden holds the HTTP answers; testdata/parse.py gives them to botocore's own parsers.
var responses = []struct {
	pkg, op, out string
	fail         error
	request      func() *http.Request
}{
	{"s3api", "ListObjectsV2", `{"Name":"lake","KeyCount":2,"MaxKeys":1000,"IsTruncated":false,"CommonPrefixes":[{"Prefix":"a/"}],"Contents":[{"Key":"a & <b>\r","Size":5,"LastModified":"2026-01-02T03:04:05.678Z","ETag":"\"x\""},{"Key":"é","Size":0,"LastModified":"2026-01-02T03:04:05Z"}]}`, nil, get("/lake?list-type=2")},
	{"s3api", "GetBucketLocation", `{"LocationConstraint":"us-west-2"}`, nil, get("/lake?location")},
	{"s3api", "GetBucketLocation", `{}`, nil, get("/lake?location")},
	{"s3api", "GetBucketLifecycleConfiguration", `{"Rules":[{"ID":"r1","Status":"Enabled","Filter":{"Prefix":"p"},"Expiration":{"Days":3},"Transitions":[{"Days":1,"StorageClass":"GLACIER"},{"Date":"2026-01-02T00:00:00Z"}]},{"ID":"r2","Status":"Disabled"}]}`, nil, get("/lake?lifecycle")},
	{"s3api", "GetBucketAcl", `{"Owner":{"ID":"o"},"Grants":[{"Permission":"READ","Grantee":{"Type":"CanonicalUser","ID":"x"}}]}`, nil, get("/lake?acl")},
	{"s3api", "GetBucketPolicy", `{"Policy":"{\"Version\":\"2012-10-17\"}"}`, nil, get("/lake?policy")},
	{"s3api", "HeadObject", `{"ContentLength":5,"ETag":"\"x\"","LastModified":"2026-01-02T03:04:05Z","Metadata":{"owner":"me"},"ContentType":"text/plain"}`, nil, request("HEAD", "/lake/k", "")},
	{"s3api", "GetObject", `{"Body":"hello","ContentLength":5,"Metadata":{"a":"b"}}`, nil, get("/lake/k")},
	{"s3api", "CopyObject", `{"CopyObjectResult":{"ETag":"\"x\"","LastModified":"2026-01-02T03:04:05Z"},"CopySourceVersionId":"v"}`, nil, header(request("PUT", "/lake/k", ""), "X-Amz-Copy-Source", "lake/a")},
	{"s3api", "DeleteObject", `{"DeleteMarker":true,"VersionId":"v"}`, nil, request("DELETE", "/lake/k", "")},
	{"s3api", "GetObject", ``, &Error{Code: "NoSuchKey", Message: "The specified key does not exist.", Members: map[string]any{"Key": "k"}}, get("/lake/k")},
	{"s3api", "HeadObject", ``, &Error{Code: "NoSuchKey", Status: 404}, request("HEAD", "/lake/k", "")},
	{"s3api", "ListObjects", ``, &Error{Code: "NoSuchBucket", Status: 404, Message: "The specified bucket does not exist"}, get("/lake")},
	{"lambdaapi", "Invoke", `{"StatusCode":202,"Payload":"{\"ok\":1}","ExecutedVersion":"$LATEST","FunctionError":"Unhandled"}`, nil, request("POST", "/2015-03-31/functions/f/invocations", "{}")},
	{"lambdaapi", "ListFunctions", `{"Functions":[{"FunctionName":"f","Timeout":3,"Environment":{"Variables":{"B":"2","A":"1"}},"CodeSize":9007199254740993}]}`, nil, get("/2015-03-31/functions/")},
	{"lambdaapi", "GetFunction", ``, &Error{Code: "ResourceNotFoundException", Message: "Function not found: f"}, get("/2015-03-31/functions/f")},
	{"lambdaapi", "Invoke", ``, &Error{Code: "TooManyRequestsException", Message: "Rate Exceeded.", Members: map[string]any{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "retryAfterSeconds": "1"}}, request("POST", "/2015-03-31/functions/f/invocations", "{}")},
	{"lambdaapi", "DeleteFunction", ``, nil, request("DELETE", "/2015-03-31/functions/f", "")},
	{"sfnapi", "DescribeExecution", `{"ExecutionArn":"a","StateMachineArn":"m","Status":"RUNNING","StartDate":"2026-01-02T03:04:05.678Z","Input":"{}"}`, nil, target("AWSStepFunctions.DescribeExecution", `{"executionArn":"a"}`)},
	{"sfnapi", "DescribeExecution", ``, &Error{Code: "ExecutionDoesNotExist", Message: "Execution Does Not Exist: 'a'"}, target("AWSStepFunctions.DescribeExecution", `{"executionArn":"a"}`)},
	{"glueapi", "DeleteTable", `{}`, nil, target("AWSGlue.DeleteTable", `{"DatabaseName":"d","Name":"t"}`)},
	{"glueapi", "GetTable", ``, errors.New("disk on fire"), target("AWSGlue.GetTable", `{"DatabaseName":"d","Name":"t"}`)},
	{"logsapi", "PutRetentionPolicy", ``, nil, target("Logs_20140328.PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":7}`)},
	{"sqsapi", "ReceiveMessage", `{"Messages":[{"MessageId":"m","Body":"<b>","Attributes":{"SentTimestamp":"1"},"MessageAttributes":{"a":{"DataType":"String","StringValue":"x"},"b":{"DataType":"Binary","BinaryValue":"AA"}}}]}`, nil, target("AmazonSQS.ReceiveMessage", `{"QueueUrl":"q"}`)},
	{"sqsapi", "ReceiveMessage", `{"Messages":[{"MessageId":"m","Body":"<b>","Attributes":{"SentTimestamp":"1"},"MessageAttributes":{"a":{"DataType":"String","StringValue":"x"},"b":{"DataType":"Binary","BinaryValue":"AA"}}}]}`, nil, form("Action=ReceiveMessage&Version=2012-11-05&QueueUrl=q&AttributeName.1=All")},
	{"sqsapi", "SendMessage", ``, &Error{Code: "QueueDoesNotExist", Message: "The specified queue does not exist."}, target("AmazonSQS.SendMessage", `{"QueueUrl":"q","MessageBody":"b"}`)},
	{"sqsapi", "SendMessage", ``, &Error{Code: "QueueDoesNotExist", Message: "The specified queue does not exist."}, form("Action=SendMessage&QueueUrl=q&MessageBody=b")},
	{"snsapi", "Publish", `{"MessageId":"m-1"}`, nil, form("Action=Publish&Version=2010-03-31&Message=x&TopicArn=t")},
	{"snsapi", "Publish", ``, &Error{Code: "NotFoundException", Message: "Topic does not exist"}, form("Action=Publish&Version=2010-03-31&Message=x&TopicArn=t")},
	{"iamapi", "ListUsers", `{"IsTruncated":false,"Users":[{"Path":"/","UserName":"a","UserId":"AIDA","Arn":"arn","CreateDate":"2026-01-02T03:04:05Z"}]}`, nil, form("Action=ListUsers&Version=2010-05-08")},
}

func request(method, url, body string) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest(method, "http://127.0.0.1:4566"+url, strings.NewReader(body))
		return r
	}
}

func get(url string) func() *http.Request { return request("GET", url, "") }

func header(f func() *http.Request, k, v string) func() *http.Request {
	return func() *http.Request {
		r := f()
		r.Header.Set(k, v)
		return r
	}
}

func target(name, body string) func() *http.Request {
	return header(request("POST", "/", body), "X-Amz-Target", name)
}

func form(body string) func() *http.Request {
	return header(request("POST", "/", body), "Content-Type", "application/x-www-form-urlencoded")
}

// recorded is a line of the golden in the form that parse.py reads.
type recorded struct {
	Service, Op string
	Status      int
	Headers     map[string]string
	Body        string
}

func TestResponses(t *testing.T) {
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	for _, c := range responses {
		s := testService(t, c.pkg, func(op string, _ reflect.Value, _ *plan) (string, error) {
			if op != c.op {
				t.Errorf("%s was called instead of %s", op, c.op)
			}
			return c.out, c.fail
		})
		g := NewRegistry(Options{Logger: quiet})
		g.Add(s)
		w := exchange(t, g, s, c.request())
		r := recorded{Service: s.Name, Op: c.op, Status: w.Code, Headers: map[string]string{}, Body: w.Body.String()}
		for k, v := range w.Header() {
			r.Headers[k] = strings.Join(v, ",")
		}
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "testdata/responses.golden", got.String())
}

// TestEveryOperationAnswers calls every operation of every service with every required member given, so that no shape
// of a model is beyond the codec.
func TestEveryOperationAnswers(t *testing.T) {
	pkgs, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, d := range pkgs {
		file := "../" + d.Name() + "/model_gen.json.gz"
		if _, err := os.Stat(file); err != nil {
			continue
		}
		s := serviceOf(t, readModel(t, file), func(string, reflect.Value, *plan) (string, error) { return "{}", nil })
		g := NewRegistry(Options{Logger: quiet})
		g.Add(s)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		for name, row := range s.rows {
			calls++
			in := "{}"
			if row.in != nil {
				v := row.newInput()
				fill(v.Elem(), 0)
				in = string(jsonEnc{loose: true}.append(nil, row.in, nil, v))
			}
			c := rootCall
			if _, e := g.Invoke(t.Context(), &c, s.Name, name, json.RawMessage(in)); e != nil && !slices.Contains([]string{s.ValidationCode}, e.Code) {
				t.Errorf("%s.%s: %v\n%s", s.Name, name, e, in)
			}
		}
	}
	if calls < 400 {
		t.Errorf("%d operations", calls)
	}
}

// fill sets every field to something.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth < 6 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Map:
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), e)
	case reflect.String:
		v.SetString("a")
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	}
}

func TestXML_Refuses(t *testing.T) {
	deep := strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300)
	for name, doc := range map[string]string{
		"nothing": "", "text": "x", "not closed": "<a>", "crossed": "<a><b></a></b>", "two roots": "<a/><b/>", "text outside": "<a/>x", "deep": deep,
		"document type": `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "entity": "<a>&x;</a>", "charset": `<?xml version="1.0" encoding="utf-16"?><a/>`, "many": "<a>" + strings.Repeat("<b/>", maxXMLNodes+1) + "</a>",
	} {
		if _, err := parseXML([]byte(doc)); !errors.Is(err, errSyntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoutes(t *testing.T) {
	s3 := testService(t, "s3api", nil)
	lambda := testService(t, "lambdaapi", nil)
	f := func(s *Service, method, url, want string) {
		t.Helper()
		r := httptest.NewRequest(method, "http://127.0.0.1:4566"+url, nil)
		got := ""
		if target, e := s.Locate(r, r.URL.EscapedPath(), nil); e != nil {
			got = e.Code
		} else {
			got = target.Operation()
			for _, l := range target.labels {
				got += " " + l.name + "=" + l.value
			}
		}
		if got != want {
			t.Errorf("%s %s: %s, want %s", method, url, got, want)
		}
	}
	f(s3, "GET", "/", "ListBuckets")
	f(s3, "GET", "/?x-id=ListBuckets", "ListBuckets")
	f(s3, "GET", "/lake/", "ListObjects Bucket=lake")
	f(s3, "GET", "/lake?list-type=2", "ListObjectsV2 Bucket=lake")
	f(s3, "GET", "/lake?list-type=1", "ListObjects Bucket=lake")
	f(s3, "GET", "/lake/a//b%2Fc%20d/", "GetObject Bucket=lake Key=a//b/c d/")
	f(s3, "GET", "/lake/k?partNumber=1", "GetObject Bucket=lake Key=k")
	f(s3, "GET", "/lake/k?uploadId=u", "ListParts Bucket=lake Key=k")
	f(s3, "PUT", "/lake/k?uploadId=u", "UploadPart Bucket=lake Key=k")
	f(s3, "PUT", "/lake/k?tagging", "PutObjectTagging Bucket=lake Key=k")
	f(s3, "GET", "/lake/k?torrent", "NotImplemented")
	f(s3, "GET", "/lake/k?attributes", "GetObjectAttributes Bucket=lake Key=k")
	f(s3, "GET", "/lake?analytics&id=x", "NotImplemented")
	f(s3, "PUT", "/lake/k?legal-hold", "NotImplemented")
	f(s3, "POST", "/lake?delete", "DeleteObjects Bucket=lake")
	f(s3, "POST", "/lake", "MethodNotAllowed")
	f(s3, "PATCH", "/lake/k", "MethodNotAllowed")
	f(lambda, "GET", "/2015-03-31/functions", "ListFunctions")
	f(lambda, "GET", "/2015-03-31/functions/", "ListFunctions")
	f(lambda, "GET", "/2015-03-31/functions/a%3Ab", "GetFunction FunctionName=a:b")
	f(lambda, "POST", "/2015-03-31/functions/f/invocations", "Invoke FunctionName=f")
	f(lambda, "GET", "/2015-03-31/functions/f/nothing", "UnknownOperationException")
	f(lambda, "POST", "/2021-10-31/functions/f/url", "ValidationException")
}
