package gateway_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/iamapi"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/aws/stsapi"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the goldens")

const (
	acct   = "000000000000"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// fixed knows one more key than the engine: the root key of the captures.
type fixed struct{ *identity.Engine }

func (f fixed) Resolve(ctx context.Context, id, token string) (identity.Credential, error) {
	if id == "AKIDEXAMPLE" && token == "" {
		return identity.Credential{AccessKeyID: id, Secret: secret, Principal: policy.Root(acct)}, nil
	}
	return f.Engine.Resolve(ctx, id, token)
}

type rig struct {
	*gateway.Gateway
	engine *identity.Engine
	clock  *clock.Fake
}

func start(t *testing.T, at time.Time, more ...*protocol.Service) rig {
	t.Helper()
	c := clock.NewFake(at)
	e, err := identity.Open(t.Context(), identity.Options{Store: kvtest.New(t), Clock: c, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	g := protocol.NewRegistry(protocol.Options{Logger: quiet, Clock: c})
	g.Add(iamapi.New(e), stsapi.New(e))
	g.Add(more...)
	return rig{gateway.New(gateway.Options{Registry: g, Identity: fixed{e}, Logger: quiet, Clock: c, MaxBody: 2 << 20}), e, c}
}

func (g rig) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

var volatile = []*regexp.Regexp{
	regexp.MustCompile(`<RequestId>[^<]*</RequestId>`), regexp.MustCompile(`(<(?:UserId|RoleId|GroupId|PolicyId)>A...)[A-Z0-9]{17}`),
	regexp.MustCompile(`(<CreateDate>)[^<]*`),
}

func TestConversationOfBoto3(t *testing.T) {
	b, err := os.ReadFile("testdata/conversation.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Method, URL string
		Headers     map[string]string
		Body        string
	}
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse("20060102T150405Z", list[0].Headers["X-Amz-Date"])
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, at)
	var got strings.Builder
	for _, c := range list {
		body, _ := base64.StdEncoding.DecodeString(c.Body)
		r := httptest.NewRequest(c.Method, c.URL, bytes.NewReader(body))
		for k, v := range c.Headers {
			r.Header.Set(k, v)
		}
		w := g.do(r)
		text := w.Body.String()
		for i, re := range volatile {
			text = re.ReplaceAllString(text, []string{"<RequestId>…</RequestId>", "$1…", "$1…"}[i])
		}
		fmt.Fprintf(&got, "%s\n\t%d %s\n\t%s\n", body, w.Code, w.Header().Get("Content-Type"), text)
	}
	file := "testdata/conversation.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("-want +got; run with -update if it is right:\n%s", d)
	}
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// services are a small service of each REST protocol and of awsJson.
func services() []*protocol.Service {
	return []*protocol.Service{smallS3(), smallLambda(), smallSFN()}
}

func signed(method, url, body, service string, cred sigv4.Credential, at time.Time) *http.Request {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	switch service {
	case "sts", "iam":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case "states":
		r.Header.Set("X-Amz-Target", "AWSStepFunctions.ListStateMachines")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	sigv4.Sign(r, cred, "us-east-1", service, at, sigv4.Hash([]byte(body)))
	return r
}

var root = sigv4.Credential{AccessKeyID: "AKIDEXAMPLE", Secret: secret}

func code(w *httptest.ResponseRecorder) string {
	body := w.Body.String()
	if _, rest, ok := strings.Cut(body, "<Code>"); ok {
		c, _, _ := strings.Cut(rest, "<")
		return c
	}
	if e := w.Header().Get("X-Amzn-Errortype"); e != "" {
		return e
	}
	var x struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal([]byte(body), &x)
	return x.Type
}

func TestRefusals(t *testing.T) {
	g := start(t, now, services()...)
	role := must(g.engine.Create(t.Context(), identity.Entity{Account: acct, Kind: identity.Role, Name: "r", Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`}))(t)
	sess, _, err := g.engine.Assume(t.Context(), identity.AssumeRole{Caller: policy.Root(acct), RoleARN: role.ARN(), SessionName: "me", Duration: 15 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	g.clock.Advance(15 * time.Minute)
	at := now.Add(15 * time.Minute)
	expired := sigv4.Credential{AccessKeyID: sess.AccessKeyID, Secret: sess.Secret, Token: sess.Token}
	forged := expired
	forged.Token = base64.StdEncoding.EncodeToString(make([]byte, 80))
	targets := []struct{ service, method, url, body string }{
		{"s3", "GET", "http://127.0.0.1:4566/lake/key", ""},
		{"sts", "POST", "http://127.0.0.1:4566/", "Action=GetCallerIdentity&Version=2011-06-15"},
		{"states", "POST", "http://127.0.0.1:4566/", "{}"},
		{"lambda", "GET", "http://127.0.0.1:4566/2015-03-31/functions/f", ""},
	}
	for _, c := range []struct {
		name   string
		cred   sigv4.Credential
		at     time.Time
		change func(*http.Request)
		want   [4]string // s3, query, json, rest-json
	}{
		{"right", root, at, nil, [4]string{"200", "200", "200", "200"}},
		{"right at the edge", root, at.Add(-15 * time.Minute), nil, [4]string{"200", "200", "200", "200"}},
		{"unknown key", sigv4.Credential{AccessKeyID: "AKIANOBODY", Secret: "x"}, at, nil, [4]string{"403 InvalidAccessKeyId", "403 InvalidClientTokenId", "400 UnrecognizedClientException", "403 UnrecognizedClientException"}},
		{"wrong secret", sigv4.Credential{AccessKeyID: "AKIDEXAMPLE", Secret: "x"}, at, nil, [4]string{"403 SignatureDoesNotMatch", "403 SignatureDoesNotMatch", "400 InvalidSignatureException", "403 InvalidSignatureException"}},
		{"stale", root, at.Add(-16 * time.Minute), nil, [4]string{"403 RequestTimeTooSkewed", "403 SignatureDoesNotMatch", "400 InvalidSignatureException", "403 InvalidSignatureException"}},
		{"from the future", root, at.Add(16 * time.Minute), nil, [4]string{"403 RequestTimeTooSkewed", "403 SignatureDoesNotMatch", "400 InvalidSignatureException", "403 InvalidSignatureException"}},
		{"expired session", expired, at, nil, [4]string{"400 ExpiredToken", "403 ExpiredToken", "400 ExpiredTokenException", "403 ExpiredTokenException"}},
		{"forged token", forged, at, nil, [4]string{"400 InvalidToken", "403 InvalidClientTokenId", "400 UnrecognizedClientException", "403 UnrecognizedClientException"}},
		{"not signed", root, at, func(r *http.Request) { r.Header.Del("Authorization") }, [4]string{"403 AccessDenied", "403 MissingAuthenticationToken", "400 MissingAuthenticationTokenException", "403 MissingAuthenticationTokenException"}},
		{"bad header", root, at, func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }, [4]string{"400 AuthorizationHeaderMalformed", "400 IncompleteSignature", "400 IncompleteSignatureException", "400 IncompleteSignatureException"}},
		{"another method of signing", root, at, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, [4]string{"400 InvalidRequest", "400 IncompleteSignature", "400 IncompleteSignatureException", "400 IncompleteSignatureException"}},
		{"header not signed", root, at, func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "b") }, [4]string{"403 AccessDenied", "403 SignatureDoesNotMatch", "400 InvalidSignatureException", "403 InvalidSignatureException"}},
		{"two dates", root, at, func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260102T000000Z") }, [4]string{"400 InvalidRequest", "400 InvalidRequest", "400 InvalidRequest", "400 InvalidRequest"}},
		{"long URI", root, at, func(r *http.Request) { r.RequestURI = "/" + strings.Repeat("a", 20000) }, [4]string{"414 URITooLong", "414 URITooLong", "414 URITooLong", "414 URITooLong"}},
	} {
		for i, target := range targets {
			r := signed(target.method, target.url, target.body, target.service, c.cred, c.at)
			if c.change != nil {
				c.change(r)
			}
			w := g.do(r)
			if got := strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, code(w))); got != c.want[i] {
				t.Errorf("%s, %s: %s, want %s\n%s", c.name, target.service, got, c.want[i], w.Body)
			}
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestStreams(t *testing.T) {
	g := start(t, now, services()...)
	put := func(body, hash string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest("PUT", "http://127.0.0.1:4566/lake/a%2Fb%20c", strings.NewReader(body))
		if change != nil {
			change(r)
		}
		sigv4.Sign(r, root, "us-east-1", "s3", now, hash)
		return g.do(r)
	}
	if w := put("hello", sigv4.Hash([]byte("hello")), nil); w.Code != 200 || w.Header().Get("ETag") != "5:a/b c:hello" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := put("hello", sigv4.UnsignedPayload, nil); w.Code != 200 {
		t.Errorf("unsigned: %d %s", w.Code, w.Body)
	}
	if w := put("hellO", sigv4.Hash([]byte("hello")), nil); w.Code != 400 || code(w) != "XAmzContentSHA256Mismatch" {
		t.Errorf("tampered: %d %s", w.Code, w.Body)
	}
	chunked := func(r *http.Request) {
		r.Header.Set("Content-Encoding", "gzip,aws-chunked")
		r.Header.Set("X-Amz-Decoded-Content-Length", "5")
		r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
	}
	const frames = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
	if w := put(frames, sigv4.StreamingUnsigned, chunked); w.Code != 200 || w.Header().Get("ETag") != "5:a/b c:hello:gzip:NhCmhg==" {
		t.Errorf("chunked: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := put(frames[:20], sigv4.StreamingUnsigned, chunked); w.Code != 400 {
		t.Errorf("cut: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("GET", "http://lake.localhost:4566/a/b", nil)
	sigv4.Sign(r, root, "us-east-1", "s3", now, "")
	if w := g.do(r); w.Code != 200 || w.Body.String() != "lake a/b" {
		t.Errorf("virtual host: %d %s", w.Code, w.Body)
	}
	r = httptest.NewRequest("GET", "http://127.0.0.1:4566/public/x", nil)
	if w := g.do(r); w.Code != 200 || w.Body.String() != "public x" {
		t.Errorf("anonymous: %d %s", w.Code, w.Body)
	}
	r = httptest.NewRequest("DELETE", "http://127.0.0.1:4566/lake/x", nil)
	sigv4.Sign(r, root, "us-east-1", "s3", now, "")
	if w := g.do(r); w.Code != 501 || code(w) != "NotImplemented" {
		t.Errorf("not in the table: %d %s", w.Code, w.Body)
	}
	r = httptest.NewRequest("GET", "http://127.0.0.1:4566/lake/panic", nil)
	sigv4.Sign(r, root, "us-east-1", "s3", now, "")
	if w := g.do(r); w.Code != 500 || code(w) != "InternalError" {
		t.Errorf("panic: %d %s", w.Code, w.Body)
	}
}

func TestAuthorisation(t *testing.T) {
	g := start(t, now, services()...)
	ctx := t.Context()
	must(g.engine.Create(ctx, identity.Entity{Account: acct, Kind: identity.User, Name: "ann"}))(t)
	k := must(g.engine.CreateAccessKey(ctx, acct, "ann"))(t)
	cred := sigv4.Credential{AccessKeyID: k.ID, Secret: k.Secret}
	get := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "http://127.0.0.1:4566/lake/key", nil)
		sigv4.Sign(r, cred, "us-east-1", "s3", now, "")
		return g.do(r)
	}
	w := get()
	const want = "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: s3:GetObject on resource: &quot;arn:aws:s3:::lake/key&quot; because no identity-based policy allows the s3:GetObject action"
	if w.Code != 403 || code(w) != "AccessDenied" || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"},"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`
	if err := g.engine.PutInline(ctx, acct, identity.User, "ann", "p", doc); err != nil {
		t.Fatal(err)
	}
	if w := get(); w.Code != 200 { // httptest's requests come from 192.0.2.1
		t.Errorf("allowed: %d %s", w.Code, w.Body)
	}
	if w := g.do(signed("POST", "http://127.0.0.1:4566/", "{}", "states", cred, now)); w.Code != 400 || code(w) != "AccessDeniedException" {
		t.Errorf("another service: %d %s", w.Code, w.Body)
	}
	if w := g.do(signed("POST", "http://127.0.0.1:4566/", "Action=GetCallerIdentity&Version=2011-06-15", "sts", cred, now)); w.Code != 200 || !strings.Contains(w.Body.String(), ":user/ann") {
		t.Errorf("who am I: %d %s", w.Code, w.Body)
	}
}

func TestInsecure(t *testing.T) {
	g := protocol.NewRegistry(protocol.Options{Logger: quiet})
	e := must(identity.Open(t.Context(), identity.Options{Store: kvtest.New(t), Logger: quiet}))(t)
	g.Add(stsapi.New(e))
	gw := gateway.New(gateway.Options{Registry: g, Identity: e, Logger: quiet, Insecure: true})
	for id, account := range map[string]string{"test": acct, "123456789012": "123456789012"} {
		w := httptest.NewRecorder()
		gw.ServeHTTP(w, signed("POST", "http://127.0.0.1:4566/", "Action=GetCallerIdentity&Version=2011-06-15", "sts", sigv4.Credential{AccessKeyID: id, Secret: "x"}, now))
		if w.Code != 200 || !strings.Contains(w.Body.String(), "<Account>"+account+"</Account>") {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
	for addr, ok := range map[string]bool{"127.0.0.1:4566": true, "localhost:0": true, "[::1]:1": true, "0.0.0.0:4566": false, ":4566": false, "10.0.0.1:1": false} {
		if err := gateway.CheckInsecure(addr); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestBodyLimits(t *testing.T) {
	g := start(t, now, services()...)
	large := strings.Repeat(" ", 1<<20+1)
	if w := g.do(signed("POST", "http://127.0.0.1:4566/", strings.Repeat(" ", 2<<20+1), "states", root, now)); w.Code != 413 {
		t.Errorf("over the limit: %d %s", w.Code, w.Body)
	}
	if w := g.do(signed("POST", "http://127.0.0.1:4566/", large, "states", root, now)); w.Code != 200 {
		t.Errorf("within the limit: %d %s", w.Code, w.Body)
	}
	if w := g.do(signed("POST", "http://127.0.0.1:4566/", large, "states", sigv4.Credential{AccessKeyID: "AKIANOBODY", Secret: "x"}, now)); w.Code != 400 || code(w) != "UnrecognizedClientException" {
		t.Errorf("of nobody: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader("Action=GetCallerIdentity&Version=2011-06-15&x="+large))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w := g.do(r); w.Code != 413 {
		t.Errorf("not signed: %d %s", w.Code, w.Body)
	}
	// A length that is claimed and not sent.
	r = signed("POST", "http://127.0.0.1:4566/", "{}", "states", root, now)
	r.ContentLength = 100
	if w := g.do(r); w.Code != 400 || code(w) != "IncompleteBody" {
		t.Errorf("cut: %d %s", w.Code, w.Body)
	}
}

var errBoom = errors.New("boom")
