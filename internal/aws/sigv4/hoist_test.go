package sigv4

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHoist(t *testing.T) {
	r := &http.Request{Header: http.Header{"If-Match": {"kept"}}}
	c := &Claim{Method: Presigned, query: url.Values{
		"X-Amz-Date": {"20260101T000000Z"}, "x-amz-meta-a": {"b"}, "If-Match": {"other"}, "if-none-match": {"*"}, "X-Amz-Acl": {"private"}, "versionId": {"1"},
		"x-amz-checksum-crc32": {"AAAAAA=="}, "x-amz-sdk-checksum-algorithm": {"CRC32"},
	}}
	c.Hoist(r)
	want := http.Header{"If-Match": {"kept"}, "If-None-Match": {"*"}, "X-Amz-Meta-A": {"b"}, "X-Amz-Acl": {"private"}}
	if d := cmp.Diff(want, r.Header); d != "" {
		t.Error(d)
	}
	signed := &http.Request{Header: http.Header{}}
	(&Claim{Method: Header, query: url.Values{"x-amz-meta-a": {"b"}}}).Hoist(signed)
	if len(signed.Header) != 0 {
		t.Errorf("parameters of a request that is signed by header: %v", signed.Header)
	}
}
