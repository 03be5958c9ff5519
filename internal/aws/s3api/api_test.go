package s3api_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/s3api"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
)

// oneKey knows the key AKIDROOT with the secret "secret": the root of account 123456789012.
type oneKey struct{}

func (oneKey) Resolve(_ context.Context, id, _ string) (identity.Credential, error) {
	if id != "AKIDROOT" {
		return identity.Credential{}, identity.ErrUnknownKey
	}
	return identity.Credential{AccessKeyID: id, Secret: "secret", Principal: policy.Root("123456789012")}, nil
}

func (oneKey) Used(string, string, string) {}

type server struct {
	t   *testing.T
	url string
}

func newServer(t *testing.T) *server {
	quiet := slog.New(slog.DiscardHandler)
	blobs, err := fileblob.Open(t.Context(), fileblob.Options{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	store, err := objstore.Open(t.Context(), objstore.Options{KV: kvtest.New(t), Blobs: blobs, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet})
	reg.Add(s3api.New(s3api.Options{Store: store}))
	srv := httptest.NewServer(gateway.New(gateway.Options{Registry: reg, Identity: oneKey{}, Logger: quiet}))
	t.Cleanup(srv.Close)
	return &server{t, srv.URL}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// code returns the code of an error's document.
func (a answer) code() string {
	var e struct{ Code string }
	_ = xml.Unmarshal([]byte(a.body), &e)
	return e.Code
}

// do sends a signed request; headers are "Name: value".
func (s *server) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.send(method, path, body, true, headers...)
}

func (s *server) send(method, path, body string, sign bool, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		if k == "Host" {
			r.Host = v
		} else {
			r.Header.Set(k, v)
		}
	}
	if sign {
		sigv4.Sign(r, sigv4.Credential{AccessKeyID: "AKIDROOT", Secret: "secret"}, "us-east-1", "s3", time.Now(), sigv4.Hash([]byte(body)))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (s *server) must(method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.do(method, path, body, headers...)
	if a.status >= 300 {
		s.t.Fatalf("%s %s = %d %s", method, path, a.status, a.body)
	}
	return a
}

func TestTable(t *testing.T) {
	if err := s3api.New(s3api.Options{}).Check(); err != nil {
		t.Error(err)
	}
}

func TestErrorsAreMapped(t *testing.T) {
	for _, err := range objstore.Errors() {
		e := s3api.New(s3api.Options{}).MapError(fmt.Errorf("while testing: %w", err))
		if e == nil || e.Code == "" || e.Status == 0 {
			t.Errorf("%v is answered as %v", err, e)
		}
	}
	if e := s3api.New(s3api.Options{}).MapError(errors.New("unknown")); e != nil {
		t.Errorf("an unknown error is shown: %v", e)
	}
}

func TestPutGet(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	large := strings.Repeat("0123456789", 20_000)
	for name, body := range map[string]string{"small": "0123456789", "large": large, "empty": ""} {
		a := s.must("PUT", "/bkt/dir/"+name, body, "Content-Type: text/x", "x-amz-meta-Who: me", "Cache-Control: no-store")
		etag := a.header.Get("ETag")
		for _, get := range []struct {
			header string
			status int
			want   string
		}{
			{"X-None: 1", 200, body},
			{"Range: bytes=2-4", 206, cut(body, 2, 5)},
			{"Range: bytes=-3", 206, cut(body, len(body)-3, len(body))},
			{"Range: bytes=5-", 206, cut(body, 5, len(body))},
			{"Range: bytes=5-1", 200, body},
			{"Range: lines=1-2", 200, body},
			{"Range: bytes=0-1,4-5", 200, body},
			{"If-Match: " + etag, 200, body},
			{"If-None-Match: " + etag, 304, ""},
			{"If-Match: \"no\"", 412, "PreconditionFailed"},
			{"If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT", 200, body},
			{"If-Unmodified-Since: Wed, 01 Jan 2020 00:00:00 GMT", 412, "PreconditionFailed"},
		} {
			got := s.do("GET", "/bkt/dir/"+name, "", get.header)
			if body == "" && get.status == 206 {
				get.status, get.want = 416, "InvalidRange"
			}
			text := got.body
			if got.status >= 400 {
				text = got.code()
			}
			if got.status != get.status || text != get.want {
				t.Errorf("%s with %s = %d, %.60q, want %d, %.60q", name, get.header, got.status, got.body, get.status, get.want)
			}
			head := s.do("HEAD", "/bkt/dir/"+name, "", get.header)
			if head.status != got.status || head.body != "" {
				t.Errorf("HEAD %s with %s = %d, GET is %d", name, get.header, head.status, got.status)
			}
			if head.status < 300 && (head.header.Get("Content-Length") != got.header.Get("Content-Length") || head.header.Get("x-amz-meta-who") != "me" || head.header.Get("Content-Type") != "text/x") {
				t.Errorf("HEAD %s with %s: %v", name, get.header, head.header)
			}
		}
	}
}

func cut(s string, from, to int) string {
	if len(s) == 0 {
		return ""
	}
	return s[from:to]
}

func TestRefusals(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	s.must("PUT", "/bkt/k", "x")
	tagging := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<Tag><Key>k%d</Key><Value>v</Value></Tag>", i)
		}
		return "<Tagging><TagSet>" + b.String() + "</TagSet></Tagging>"
	}
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		code               string
	}{
		{"GET", "/none/k", "", nil, 404, "NoSuchBucket"},
		{"GET", "/bkt/none", "", nil, 404, "NoSuchKey"},
		{"PUT", "/UPPER", "", nil, 400, "InvalidBucketName"},
		{"PUT", "/bkt/" + strings.Repeat("k", 1025), "", nil, 400, "KeyTooLongError"},
		{"PUT", "/bkt/k", "x", []string{"Content-MD5: bad"}, 400, "InvalidDigest"},
		{"PUT", "/bkt/k", "x", []string{"Content-MD5: AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "BadDigest"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-checksum-crc32: AAAAAA=="}, 400, "BadDigest"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-checksum-crc32: AAAA"}, 400, "InvalidRequest"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-storage-class: GLACIER"}, 501, "NotImplemented"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-object-lock-mode: GOVERNANCE"}, 400, "InvalidArgument"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-acl: public-read"}, 400, "AccessControlListNotSupported"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-meta-a: " + strings.Repeat("v", 2100)}, 400, "MetadataTooLarge"},
		{"PUT", "/bkt/k", "x", []string{"If-None-Match: *"}, 412, "PreconditionFailed"},
		{"PUT", "/bkt/new", "x", []string{"If-Match: \"x\""}, 404, "NoSuchKey"},
		{"PUT", "/bkt/k", "x", []string{"x-amz-expected-bucket-owner: 999999999999"}, 403, "AccessDenied"},
		{"PUT", "/bkt/k", "", []string{"x-amz-copy-source: /bkt/k"}, 400, "InvalidRequest"},
		{"PUT", "/bkt/k2", "", []string{"x-amz-copy-source: nonsense"}, 400, "InvalidArgument"},
		{"PUT", "/bkt/k2", "", []string{"x-amz-copy-source: bkt/none"}, 404, "NoSuchKey"},
		{"PUT", "/bkt/k?tagging", tagging(11), nil, 400, "BadRequest"},
		{"PUT", "/bkt/k?tagging", "<Tagging", nil, 400, "MalformedXML"},
		{"PUT", "/bkt/k?tagging", "", nil, 400, "MissingRequestBodyError"},
		{"GET", "/bkt/k?versionId=zzz", "", nil, 400, "InvalidArgument"},
		{"GET", "/bkt/k?versionId=" + strings.Repeat("0", 32), "", nil, 404, "NoSuchVersion"},
		{"GET", "/bkt?list-type=2&continuation-token=zz", "", nil, 400, "InvalidArgument"},
		{"GET", "/bkt?list-type=2&max-keys=-1", "", nil, 400, "InvalidArgument"},
		{"GET", "/bkt?list-type=2&max-keys=x", "", nil, 400, "InvalidArgument"},
		{"POST", "/bkt?delete", "<Delete></Delete>", nil, 400, "MalformedXML"},
		{"POST", "/bkt/k?uploadId=none", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>", nil, 404, "NoSuchUpload"},
		{"PUT", "/bkt/k?partNumber=0&uploadId=none", "x", nil, 404, "NoSuchUpload"},
		{"PUT", "/bkt?versioning", "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", nil, 400, ""},
		{"PUT", "/bkt?policy", "{}", nil, 400, "MalformedPolicy"},
		{"PUT", "/bkt?cors", "<CORSConfiguration><CORSRule><AllowedMethod>BREW</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>", nil, 400, "InvalidRequest"},
		{"PUT", "/bkt?lifecycle", "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>0</Days></Expiration></Rule></LifecycleConfiguration>", nil, 400, "InvalidArgument"},
		{"PUT", "/bkt?website", "<WebsiteConfiguration/>", nil, 501, "NotImplemented"},
		{"GET", "/bkt?cors", "", nil, 404, "NoSuchCORSConfiguration"},
		{"DELETE", "/bkt", "", nil, 409, "BucketNotEmpty"},
	} {
		a := s.do(c.method, c.path, c.body, c.headers...)
		if a.status != c.status || c.code != "" && a.code() != c.code {
			t.Errorf("%s %.60s %v = %d %s, want %d %s", c.method, c.path, c.headers, a.status, a.body, c.status, c.code)
		}
	}
	if a := s.must("GET", "/bkt/k", ""); a.body != "x" {
		t.Errorf("a refused request changed the object: %q", a.body)
	}
}

func TestAnonymous(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	s.must("PUT", "/bkt/pub/a", "x")
	public := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/pub/*"}]}`
	if a := s.do("PUT", "/bkt?policy", public); a.code() != "AccessDenied" {
		t.Errorf("public policy of a new bucket = %d %s", a.status, a.body)
	}
	s.must("DELETE", "/bkt?publicAccessBlock", "")
	s.must("PUT", "/bkt?policy", public)
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/bkt/pub/a", 200}, {"HEAD", "/bkt/pub/a", 200}, {"GET", "/bkt/pub/none", 403}, {"GET", "/bkt/a", 403}, {"PUT", "/bkt/pub/a", 403}, {"DELETE", "/bkt/pub/a", 403}, {"GET", "/bkt", 403}, {"GET", "/", 403}, {"PUT", "/bkt2", 403}} {
		if a := s.send(c.method, c.path, "", false); a.status != c.status {
			t.Errorf("%s %s without a signature = %d %s, want %d", c.method, c.path, a.status, a.body, c.status)
		}
	}
	if a := s.send("GET", "/bkt/pub/a?response-content-type=text/html", "", false); a.code() != "InvalidRequest" {
		t.Errorf("response header chosen by a stranger = %d %s", a.status, a.body)
	}
	s.must("PUT", "/bkt?publicAccessBlock", "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>")
	if a := s.send("GET", "/bkt/pub/a", "", false); a.status != 403 {
		t.Errorf("a restricted bucket = %d", a.status)
	}
}

func TestVirtualHost(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	s.must("PUT", "/a/b?x", "body", "Host: bkt.localhost")
	if a := s.must("GET", "/bkt/a/b", ""); a.body != "body" {
		t.Errorf("body = %q", a.body)
	}
	if a := s.must("GET", "/?list-type=2", "", "Host: bkt.localhost"); !strings.Contains(a.body, "<Key>a/b</Key>") {
		t.Errorf("list = %s", a.body)
	}
}

func TestKeys(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	keys := []string{"a//b", "p", "p/q", "x/../y", "./z", "a/", "%2F", "a%20b", "q?x=1&y", "#h", "+", "ünï", " ", "<&>\"'"}
	for _, k := range keys {
		s.must("PUT", "/bkt/"+(&url.URL{Path: k}).EscapedPath()[len(prefixOf(k)):], k)
	}
	a := s.must("GET", "/bkt?list-type=2&encoding-type=url", "")
	var list struct{ Contents []struct{ Key string } }
	if err := xml.Unmarshal([]byte(a.body), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range list.Contents {
		k, err := url.QueryUnescape(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		got[k] = true
	}
	for _, k := range keys {
		if !got[k] {
			t.Errorf("key %q is not listed", k)
		}
	}
}

// prefixOf returns what net/url puts before a path that would be read as something else.
func prefixOf(k string) string {
	e := (&url.URL{Path: k}).EscapedPath()
	if strings.HasPrefix(e, "./") && !strings.HasPrefix(k, "./") {
		return "./"
	}
	return ""
}

func TestCORS(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	s.must("PUT", "/bkt/k", "x")
	preflight := func(origin, method, headers string) answer {
		return s.send("OPTIONS", "/bkt/k", "", false, "Origin: "+origin, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: "+headers)
	}
	if a := preflight("http://a.example", "GET", ""); a.status != 403 {
		t.Errorf("preflight without rules = %d", a.status)
	}
	s.must("PUT", "/bkt?cors", "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>http://*.example</AllowedOrigin><AllowedHeader>x-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>9</MaxAgeSeconds></CORSRule></CORSConfiguration>")
	if a := preflight("http://a.example", "GET", "x-one, X-Two"); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "http://a.example" || a.header.Get("Access-Control-Max-Age") != "9" {
		t.Errorf("preflight = %d %v", a.status, a.header)
	}
	for _, c := range [][3]string{{"http://a.other", "GET", ""}, {"http://a.example", "PUT", ""}, {"http://a.example", "GET", "y-one"}} {
		if a := preflight(c[0], c[1], c[2]); a.status != 403 {
			t.Errorf("preflight %v = %d, want 403", c, a.status)
		}
	}
	if a := s.do("GET", "/bkt/k", "", "Origin: http://a.example"); a.header.Get("Access-Control-Expose-Headers") != "ETag" {
		t.Errorf("GET with an origin: %v", a.header)
	}
}

func TestMultipart(t *testing.T) {
	s := newServer(t)
	s.must("PUT", "/bkt", "")
	a := s.must("POST", "/bkt/k?uploads", "")
	var u struct{ UploadId string }
	if err := xml.Unmarshal([]byte(a.body), &u); err != nil || u.UploadId == "" {
		t.Fatalf("upload = %s, %v", a.body, err)
	}
	var doc strings.Builder
	var whole bytes.Buffer
	for i, body := range []string{strings.Repeat("a", 5<<20), "end"} {
		p := s.must("PUT", fmt.Sprintf("/bkt/k?partNumber=%d&uploadId=%s", i+1, u.UploadId), body)
		fmt.Fprintf(&doc, "<Part><ETag>%s</ETag><PartNumber>%d</PartNumber></Part>", p.header.Get("ETag"), i+1)
		whole.WriteString(body)
	}
	a = s.must("POST", "/bkt/k?uploadId="+u.UploadId, "<CompleteMultipartUpload>"+doc.String()+"</CompleteMultipartUpload>")
	if !strings.Contains(a.body, "-2&quot;</ETag>") {
		t.Errorf("complete = %s", a.body)
	}
	if a := s.must("GET", "/bkt/k", ""); a.body != whole.String() {
		t.Errorf("%d bytes, want %d", len(a.body), whole.Len())
	}
	if a := s.must("GET", "/bkt/k?partNumber=2", ""); a.body != "end" || a.status != 206 || a.header.Get("x-amz-mp-parts-count") != "2" {
		t.Errorf("part = %d %q %v", a.status, a.body, a.header)
	}
	if a := s.must("GET", "/bkt/k", "", "Range: bytes=5242878-5242881"); a.body != "aaen" {
		t.Errorf("range over parts = %q", a.body)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("MWE=", "bytes=1-2", "bkt/key?versionId=x")
	f.Add("", "bytes=-", "/b/%zz")
	f.Fuzz(func(t *testing.T, token, rng, source string) { s3api.ParseForFuzz(token, rng, source) })
}
