package sigv4

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Version 2 is made of
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// subresources are the parameters that Version 2 signs.
var subresources = []string{
	"accelerate", "acl", "cors", "defaultObjectAcl", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
	"replication", "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
	"response-content-language", "response-content-type", "response-expires", "restore", "select", "select-type", "storageClass", "tagging",
	"torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

func parseV2(r *http.Request) (*Claim, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformedQuery, err)
	}
	if q.Get("Signature") == "" || q.Get("Expires") == "" {
		return nil, ErrIncompleteV2
	}
	sec, err := strconv.ParseInt(q.Get("Expires"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: Invalid date (should be seconds since epoch): %s", ErrMalformedQuery, q.Get("Expires"))
	}
	token := q.Get("x-amz-security-token")
	if token == "" {
		token = r.Header.Get("X-Amz-Security-Token")
	}
	return &Claim{
		Method: PresignedV2, AccessKeyID: q.Get("AWSAccessKeyId"), Service: "s3", Token: token, PayloadHash: UnsignedPayload,
		Expires: time.Unix(sec, 0).UTC(), signature: q.Get("Signature"), query: q,
	}, nil
}

// verifyV2 checks a presigned URL of Version 2. A bucket that is named by the host belongs to the resource; the caller
// tells with HostBucket.
func verifyV2(r *http.Request, c *Claim, secret string) error {
	m := hmac.New(sha1.New, []byte(secret))
	text := stringToSignV2(r, c)
	m.Write([]byte(text))
	want := base64.StdEncoding.EncodeToString(m.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) != 1 {
		return &MismatchError{ToSign: text, Provided: c.signature}
	}
	return nil
}

func stringToSignV2(r *http.Request, c *Claim) string {
	// A header of a presigned request may be in its parameters; one that is sent all the same counts.
	get := func(name string) string {
		if v := r.Header.Get(name); v != "" {
			return v
		}
		return c.query.Get(strings.ToLower(name))
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + get("Content-Md5") + "\n" + get("Content-Type") + "\n" + c.query.Get("Expires") + "\n")
	amz := map[string]string{}
	for _, values := range []map[string][]string{c.query, r.Header} {
		for k, vs := range values {
			if l := strings.ToLower(k); strings.HasPrefix(l, "x-amz-") {
				amz[l] = trim(strings.Join(vs, ","))
			}
		}
	}
	names := make([]string, 0, len(amz))
	for k := range amz {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		b.WriteString(k + ":" + amz[k] + "\n")
	}
	if bucket := HostBucket(r.Host); bucket != "" {
		b.WriteString("/" + bucket)
	}
	b.WriteString(r.URL.EscapedPath())
	sep := "?"
	for _, k := range subresources {
		vs, ok := c.query[k]
		if !ok {
			continue
		}
		b.WriteString(sep + k)
		if vs[0] != "" {
			b.WriteString("=" + vs[0])
		}
		sep = "&"
	}
	return b.String()
}

// HostBucket returns the bucket that a virtual-host style name of a host stands for, or "": BUCKET.localhost,
// BUCKET.s3.localhost, BUCKET.s3.REGION.amazonaws.com and their like, among them the public name that other emulators of AWS
// have for this machine.
func HostBucket(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host = host[:i]
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, suffix := range []string{".localhost", ".localhost.localdomain", ".localhost.localstack.cloud", ".amazonaws.com"} {
		name, ok := strings.CutSuffix(host, suffix)
		if !ok {
			continue
		}
		if suffix != ".amazonaws.com" {
			name = strings.TrimSuffix(name, ".s3")
			if name == "s3" || strings.HasPrefix(name, "s3.") {
				return ""
			}
			if i := strings.LastIndex(name, ".s3."); i > 0 { // BUCKET.s3.REGION.localhost
				name = name[:i]
			}
			return name
		}
		// BUCKET.s3.amazonaws.com, BUCKET.s3.REGION.amazonaws.com, BUCKET.s3-REGION.amazonaws.com
		for _, sep := range []string{".s3.", ".s3-"} {
			if i := strings.LastIndex(name+".", sep); i > 0 {
				return name[:i]
			}
		}
		return ""
	}
	return ""
}
