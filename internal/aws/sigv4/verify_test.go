package sigv4

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	docSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" // of the S3 documentation
	oldSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" // of the suite, and of our captures
)

type signed struct {
	Name, Method, URL string
	Headers           map[string]string
	Body              string
}

func (s signed) request(t testing.TB) (*http.Request, []byte) {
	t.Helper()
	body, err := base64.StdEncoding.DecodeString(s.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(s.Method, s.URL, bytes.NewReader(body))
	for k, v := range s.Headers {
		r.Header.Set(k, v)
	}
	return r, body
}

// published are the examples of "Authenticating Requests (AWS Signature Version 4)" in the S3 API reference and two of
// the Signature Version 4 test suite.
var published = []struct {
	name, secret, method, url, body string
	headers                         map[string]string
}{
	{"get", docSecret, "GET", "http://examplebucket.s3.amazonaws.com/test.txt", "", map[string]string{
		"Range": "bytes=0-9", "X-Amz-Date": "20130524T000000Z", "X-Amz-Content-Sha256": emptyHash,
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
	}},
	{"put", docSecret, "PUT", "http://examplebucket.s3.amazonaws.com/test$file.text", "Welcome to Amazon S3.", map[string]string{
		"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
		"X-Amz-Content-Sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
		"Authorization":        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
	}},
	{"lifecycle", docSecret, "GET", "http://examplebucket.s3.amazonaws.com/?lifecycle", "", map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Content-Sha256": emptyHash,
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
	}},
	{"list", docSecret, "GET", "http://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", "", map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Content-Sha256": emptyHash,
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
	}},
	{"presigned", docSecret, "GET", "http://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", "", nil},
	{"suite vanilla", oldSecret, "GET", "http://example.amazonaws.com/", "", map[string]string{
		"X-Amz-Date":    "20150830T123600Z",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
	}},
	{"documentation of IAM", oldSecret, "GET", "http://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "", map[string]string{
		"X-Amz-Date": "20150830T123600Z", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
	}},
}

func TestPublishedExamples(t *testing.T) {
	var v Verifier
	for _, c := range published {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.url, strings.NewReader(c.body))
			for k, h := range c.headers {
				r.Header.Set(k, h)
			}
			claim, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Verify(r, claim, c.secret, []byte(c.body), false); err != nil {
				t.Error(err)
			}
			if err := v.Verify(r, claim, c.secret+"x", []byte(c.body), false); !errors.Is(err, ErrMismatch) {
				t.Errorf("another secret: %v", err)
			}
			r.Method = "DELETE"
			if err := v.Verify(r, claim, c.secret, []byte(c.body), false); !errors.Is(err, ErrMismatch) {
				t.Errorf("another method: %v", err)
			}
		})
	}
}

// chunked are the examples of "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
// Chunks", without and with a trailer.
func chunkedRequest(trailer bool, body string) *http.Request {
	r := httptest.NewRequest("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", strings.NewReader(body))
	set := func(k, v string) { r.Header.Set(k, v) }
	set("X-Amz-Date", "20130524T000000Z")
	set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
	set("Content-Encoding", "aws-chunked")
	set("X-Amz-Decoded-Content-Length", "66560")
	r.ContentLength = 66824
	set("Content-Length", "66824")
	if trailer {
		r.ContentLength = -1
		r.Header.Del("Content-Length")
		set("X-Amz-Content-Sha256", StreamingSignedTrailer)
		set("X-Amz-Trailer", "x-amz-checksum-crc32c")
		set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
		return r
	}
	set("X-Amz-Content-Sha256", StreamingSigned)
	set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
	return r
}

func chunkedText(trailer bool) string {
	sigs := []string{"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"}
	if trailer {
		sigs = []string{"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2", "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"}
	}
	s := "10000;chunk-signature=" + sigs[0] + "\r\n" + strings.Repeat("a", 65536) + "\r\n400;chunk-signature=" + sigs[1] + "\r\n" + strings.Repeat("a", 1024) + "\r\n0;chunk-signature=" + sigs[2] + "\r\n"
	if trailer {
		s += "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
	}
	return s + "\r\n"
}

func readBody(t *testing.T, r *http.Request, secret string) (string, error) {
	t.Helper()
	var v Verifier
	claim, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Verify(r, claim, secret, nil, true); err != nil {
		t.Fatal(err)
	}
	body, n, err := v.Body(r, claim, secret)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(body)
	if err == nil && n >= 0 && n != int64(len(b)) {
		t.Errorf("announced %d bytes, read %d", n, len(b))
	}
	return string(b), err
}

func TestChunkedBody(t *testing.T) {
	for _, trailer := range []bool{false, true} {
		text := chunkedText(trailer)
		got, err := readBody(t, chunkedRequest(trailer, text), docSecret)
		if err != nil || got != strings.Repeat("a", 66560) {
			t.Fatalf("trailer %v: %d bytes, %v", trailer, len(got), err)
		}
		r := chunkedRequest(trailer, text)
		if _, err := readBody(t, r, docSecret); err != nil || trailer && r.Trailer.Get("x-amz-checksum-crc32c") != "sOO8/Q==" {
			t.Errorf("trailer %v: %v %v", trailer, r.Trailer, err)
		}
		bad := func(name, text string, want error) {
			t.Helper()
			if _, err := readBody(t, chunkedRequest(trailer, text), docSecret); !errors.Is(err, want) {
				t.Errorf("trailer %v, %s: %v, want %v", trailer, name, err, want)
			}
		}
		bad("changed byte", strings.Replace(text, "aaaa", "abaa", 1), ErrMismatch)
		bad("changed last chunk", text[:66000]+"b"+text[66001:], ErrMismatch)
		bad("cut in a chunk", text[:40000], ErrIncomplete)
		bad("cut between chunks", text[:strings.Index(text, "400;")], ErrIncomplete)
		bad("chunk dropped", text[:strings.Index(text, "400;")]+text[strings.Index(text, "0;chunk-signature="+text[strings.LastIndex(text, "\r\n0;")+20:][:10]):], ErrMismatch)
		bad("no signature", strings.Replace(text, ";chunk-signature=", ";other=", 1), ErrChunk)
		bad("bad size", "x"+text, ErrChunk)
		bad("size too small", strings.Replace(text, "10000;", "0ffff;", 1), ErrChunk)
		if trailer {
			bad("changed trailer", strings.Replace(text, "sOO8/Q==", "sOO8/R==", 1), ErrMismatch)
			bad("trailer missing", text[:strings.Index(text, "x-amz-checksum")]+"\r\n", ErrChunk)
			bad("more trailers", strings.Replace(text, "x-amz-checksum", "x-amz-other:1\r\nx-amz-checksum", 1), ErrChunk)
		}
	}
}

func TestRequestsOfBotocore(t *testing.T) {
	b, err := os.ReadFile("testdata/signed.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []signed
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	var v Verifier
	for _, c := range list {
		t.Run(c.Name, func(t *testing.T) {
			r, body := c.request(t)
			claim, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(c.Name, "iam") && claim.Token != "TOKEN/+=" {
				t.Errorf("token = %q", claim.Token)
			}
			now := claim.Time
			if claim.Method == PresignedV2 {
				now = claim.Expires.Add(-time.Second)
			}
			if err := claim.Fresh(now); err != nil {
				t.Error(err)
			}
			if err := v.Verify(r, claim, oldSecret, body, claim.Streams()); err != nil {
				t.Fatal(err)
			}
			if claim.Streams() {
				got, err := readBody(t, r, oldSecret)
				if err != nil || got != "hello" && got != strings.Repeat("hello world", 10000) || r.Trailer.Get("x-amz-checksum-crc32") == "" {
					t.Errorf("%d bytes, trailer %v, %v", len(got), r.Trailer, err)
				}
			} else if len(body) > 0 {
				body[0]++
				if err := v.Verify(r, claim, oldSecret, body, false); !errors.Is(err, ErrPayload) && !errors.Is(err, ErrMismatch) {
					t.Errorf("changed body: %v", err)
				}
			}
			r.URL.Path += "x"
			r.URL.RawPath = ""
			if err := v.Verify(r, claim, oldSecret, body, claim.Streams()); !errors.Is(err, ErrMismatch) {
				t.Errorf("changed path: %v", err)
			}
		})
	}
}
