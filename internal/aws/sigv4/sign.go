package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credential is what a client signs with.
type Credential struct {
	AccessKeyID, Secret string
	Token               string // session token; "" = none
}

// Sign signs r in its Authorization header. payloadHash is the SHA-256 of the body in hexadecimal, or UnsignedPayload;
// "" stands for a body that is empty. All headers that are set when it is called are signed, but for those that proxies
// change.
func Sign(r *http.Request, cred Credential, region, service string, now time.Time, payloadHash string) {
	if payloadHash == "" {
		payloadHash = emptyHash
	}
	now = now.UTC()
	r.Header.Set("X-Amz-Date", now.Format(timeFormat))
	if cred.Token != "" {
		r.Header.Set("X-Amz-Security-Token", cred.Token)
	}
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	}
	host(r)
	c := &Claim{AccessKeyID: cred.AccessKeyID, Region: region, Service: service, Time: now, date: now.Format("20060102"), SignedHeaders: []string{"host"}}
	for h := range r.Header {
		switch l := strings.ToLower(h); l {
		case "authorization", "user-agent", "expect", "connection", "accept-encoding", "transfer-encoding", "content-length", "x-amzn-trace-id":
		default:
			c.SignedHeaders = append(c.SignedHeaders, l)
		}
	}
	slices.Sort(c.SignedHeaders)
	sig := sign(signingKey(cred.Secret, c.date, region, service), now, c.scope(), canonicalRequest(r, c, payloadHash))
	r.Header.Set("Authorization", algorithm+" Credential="+cred.AccessKeyID+"/"+c.scope()+", SignedHeaders="+strings.Join(c.SignedHeaders, ";")+", Signature="+sig)
}

// Presign returns the URL of r with a signature that is valid for life, at most a week. Only the host is signed.
func Presign(r *http.Request, cred Credential, region, service string, now time.Time, life time.Duration) *url.URL {
	now = now.UTC()
	host(r)
	c := &Claim{Method: Presigned, Region: region, Service: service, Time: now, date: now.Format("20060102"), SignedHeaders: []string{"host"}}
	u := *r.URL
	q := []string{
		"X-Amz-Algorithm=" + algorithm, "X-Amz-Credential=" + encode(cred.AccessKeyID+"/"+c.scope(), false), "X-Amz-Date=" + now.Format(timeFormat),
		"X-Amz-Expires=" + strconv.FormatInt(int64(life/time.Second), 10), "X-Amz-SignedHeaders=host",
	}
	if cred.Token != "" {
		q = append(q, "X-Amz-Security-Token="+encode(cred.Token, false))
	}
	if u.RawQuery != "" {
		q = append([]string{u.RawQuery}, q...)
	}
	u.RawQuery = strings.Join(q, "&")
	payload := emptyHash
	if service == "s3" {
		payload = UnsignedPayload
	}
	signed := *r
	signed.URL = &u
	sig := sign(signingKey(cred.Secret, c.date, region, service), now, c.scope(), canonicalRequest(&signed, c, payload))
	u.RawQuery += "&X-Amz-Signature=" + sig
	return &u
}

func host(r *http.Request) {
	if r.Host == "" {
		r.Host = r.URL.Host
	}
}

// Hash returns the SHA-256 of a body in the form that Sign wants.
func Hash(body []byte) string { return hexHash(body) }
