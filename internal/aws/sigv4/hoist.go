package sigv4

import (
	"net/http"
	"strings"
)

// Hoist makes headers of the parameters of a presigned request that stand for headers, such as x-amz-meta-… and If-None-Match:
// whoever signs a URL for somebody else puts there what the request must say. A header that the request has is kept. It is
// called after the signature was verified.
func (c *Claim) Hoist(r *http.Request) {
	if c.Method != Presigned && c.Method != PresignedV2 {
		return
	}
	for k, vs := range c.query {
		l := strings.ToLower(k)
		if len(vs) == 0 || !hoisted(l) {
			continue
		}
		if name := http.CanonicalHeaderKey(l); r.Header[name] == nil {
			r.Header[name] = []string{strings.Join(vs, ",")}
		}
	}
}

func hoisted(name string) bool {
	switch name {
	case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature", "x-amz-security-token", "x-amz-content-sha256",
		"x-amz-sdk-checksum-algorithm", "x-amz-trailer", "x-amz-decoded-content-length":
		return false
	case "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range", "content-md5", "content-type", "cache-control",
		"content-disposition", "content-encoding", "content-language":
		return true
	}
	// S3 passes checksums in the query over: SDKs put there that of the empty body that they had when they signed.
	return strings.HasPrefix(name, "x-amz-") && !strings.HasPrefix(name, "x-amz-checksum-")
}
