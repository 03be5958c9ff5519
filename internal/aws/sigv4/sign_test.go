package sigv4

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSignIsVerified(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cred := Credential{AccessKeyID: "AKIDEXAMPLE", Secret: oldSecret, Token: "tok+/="}
	var v Verifier
	for _, service := range []string{"s3", "lambda"} {
		r := httptest.NewRequest("POST", "http://localhost:4566/a%20b/c%2Fd/arn%3Ax?q=1%202&empty&b=%2B", strings.NewReader("body"))
		r.Header.Set("X-Amz-Meta-A", "  x   y ")
		Sign(r, cred, "us-east-1", service, now, Hash([]byte("body")))
		c, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if c.AccessKeyID != cred.AccessKeyID || c.Token != cred.Token || c.Region != "us-east-1" || c.Service != service {
			t.Errorf("claim = %+v", c)
		}
		if err := v.Verify(r, c, cred.Secret, []byte("body"), false); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		r.Header.Set("X-Amz-Meta-B", "smuggled")
		if err := v.Verify(r, c, cred.Secret, []byte("body"), false); !errors.Is(err, ErrNotSigned) {
			t.Errorf("%s with another header: %v", service, err)
		}
		r, _ = http.NewRequest("GET", "http://localhost:4566/b/k?versionId=1", nil)
		r.URL = Presign(r, cred, "us-east-1", service, now, time.Hour)
		if c, err = Parse(r); err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(r, c, cred.Secret, nil, false); err != nil {
			t.Errorf("%s presigned: %v", service, err)
		}
		if err := c.Fresh(now.Add(time.Hour)); err != nil {
			t.Errorf("at its end: %v", err)
		}
		if err := c.Fresh(now.Add(time.Hour + 1)); !errors.Is(err, ErrExpired) {
			t.Errorf("after its end: %v", err)
		}
	}
}

func TestFresh(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, d := range []time.Duration{0, MaxSkew, -MaxSkew} {
		if err := (&Claim{Time: now.Add(d)}).Fresh(now); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
	for _, d := range []time.Duration{MaxSkew + 1, -MaxSkew - 1} {
		if err := (&Claim{Time: now.Add(d)}).Fresh(now); !errors.Is(err, ErrSkewed) {
			t.Errorf("%v: %v", d, err)
		}
	}
}

func TestParse_Refuses(t *testing.T) {
	cred := "Credential=A/20260102/us-east-1/s3/aws4_request"
	for _, c := range []struct {
		name, auth, date, query string
		want                    error
	}{
		{"nothing", "", "", "", ErrMissing},
		{"version 2", "AWS A:sig", "", "", ErrUnsupported},
		{"basic", "Basic abc", "", "", ErrUnsupported},
		{"no signature", "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=host", "20260102T000000Z", "", ErrMalformed},
		{"no credential", "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=x", "20260102T000000Z", "", ErrMalformed},
		{"short credential", "AWS4-HMAC-SHA256 Credential=A/20260102, SignedHeaders=host, Signature=x", "20260102T000000Z", "", ErrMalformed},
		{"no host", "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=x-amz-date, Signature=x", "20260102T000000Z", "", ErrMalformed},
		{"no date", "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=host, Signature=x", "", "", ErrMalformed},
		{"another day", "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=host, Signature=x", "20260103T000000Z", "", ErrMalformed},
		{"bad date", "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=host, Signature=x", "today", "", ErrMalformed},
		{"half a presigned URL", "", "", "X-Amz-Signature=x", ErrMalformedQuery},
		{"two ways", "AWS4-HMAC-SHA256 " + cred + ", SignedHeaders=host, Signature=x", "20260102T000000Z", "X-Amz-Signature=x", ErrMalformedQuery},
		{"long life", "", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20260102/r/s3/aws4_request&X-Amz-Date=20260102T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=x&X-Amz-Expires=604801", ErrMalformedQuery},
		{"half a V2 URL", "", "", "AWSAccessKeyId=A", ErrIncompleteV2},
	} {
		r := httptest.NewRequest("GET", "http://localhost/?"+c.query, nil)
		if c.auth != "" {
			r.Header.Set("Authorization", c.auth)
		}
		if c.date != "" {
			r.Header.Set("X-Amz-Date", c.date)
		}
		if _, err := Parse(r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestHostBucket(t *testing.T) {
	for host, want := range map[string]string{
		"lake.localhost:4566": "lake", "my.dotted.bucket.localhost": "my.dotted.bucket", "localhost:4566": "", "lake.s3.localhost": "lake", "s3.localhost": "",
		"lake.s3.us-west-2.localhost": "lake", "lake.s3.amazonaws.com": "lake", "lake.s3.us-west-2.amazonaws.com": "lake", "a.b.s3-us-west-2.amazonaws.com": "a.b",
		"s3.amazonaws.com": "", "s3.us-west-2.amazonaws.com": "", "127.0.0.1:4566": "", "[::1]:4566": "", "sqs.us-east-1.amazonaws.com": "", "LAKE.localhost": "lake", "lake.s3.localhost.localstack.cloud:4566": "lake", "s3.localhost.localstack.cloud": "",
	} {
		if got := HostBucket(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range published {
		f.Add(c.headers["Authorization"], c.headers["X-Amz-Date"], c.url[strings.Index(c.url, "?")+1:])
	}
	f.Fuzz(func(t *testing.T, auth, date, query string) {
		r := &http.Request{Method: "GET", Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {date}}, Host: "h"}
		r.URL = httptest.NewRequest("GET", "http://h/a", nil).URL
		r.URL.RawQuery = query
		if auth == "" {
			r.Header.Del("Authorization")
		}
		c, err := Parse(r)
		if err != nil {
			return
		}
		if err := new(Verifier).Verify(r, c, "guess", nil, false); err == nil {
			t.Error("a guess was accepted")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r := httptest.NewRequest("PUT", "http://localhost:4566/bucket/some/key", nil)
	now := time.Now()
	Sign(r, Credential{AccessKeyID: "A", Secret: "s"}, "us-east-1", "s3", now, UnsignedPayload)
	var v Verifier
	b.ReportAllocs()
	for b.Loop() {
		c, err := Parse(r)
		if err == nil {
			err = v.Verify(r, c, "s", nil, false)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
