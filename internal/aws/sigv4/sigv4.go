// Package sigv4 verifies and makes AWS signatures: Signature Version 4 in the Authorization header, in the query string
// and over the chunks of a body, and the older presigned URLs of S3 (Version 2), which botocore still makes by default.
//
// Parse tells who claims to have signed a request; the caller looks up that key's secret; Verifier.Verify checks the
// claim. A body that is read before is checked in Verify; a body that streams is checked while it is read (Body).
//
// The algorithm is that of AWS's "Signature Version 4 signing process" and "Signature Calculations for the Authorization
// Header: Transferring Payload in Multiple Chunks".
package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reasons for which a signature is refused; compare with errors.Is. Each protocol has its own code for them.
var (
	// ErrMissing reports a request without any signature: an anonymous one.
	ErrMissing = errors.New("request is not signed")
	// ErrMalformed reports an Authorization header that cannot be read.
	ErrMalformed = errors.New("authorization header is malformed")
	// ErrMalformedQuery reports the same of presigned parameters.
	ErrMalformedQuery = errors.New("authorization query parameters are malformed")
	// ErrUnsupported reports another way of signing, such as Signature Version 2 in a header.
	ErrUnsupported = errors.New("signing method is not supported")
	// ErrIncompleteV2 reports a presigned URL of Version 2 without all of its parameters.
	ErrIncompleteV2 = errors.New("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters") //nolint:staticcheck // AWS's words
	// ErrMismatch reports a signature that the secret does not make.
	// The error may be a *MismatchError.
	ErrMismatch = errors.New("signature does not match")
	// ErrSkewed reports a time of signing more than MaxSkew away.
	ErrSkewed = errors.New("request time is too far from the server's")
	// ErrExpired reports a presigned URL after its end.
	ErrExpired = errors.New("request has expired")
	// ErrNotSigned reports x-amz-* headers that the signature does not cover.
	ErrNotSigned = errors.New("headers present in the request were not signed")
	// ErrPayload reports a body whose SHA-256 is not the one that was signed.
	ErrPayload = errors.New("body does not match the signed hash")
	// ErrChunk reports a body in chunks that cannot be read or is shorter or longer than announced.
	ErrChunk = errors.New("chunked body is malformed")
	// ErrFormField reports a form whose policy lacks a field of its signature.
	ErrFormField = errors.New("form lacks a field")
	// ErrIncomplete reports a body in chunks that ends too early.
	ErrIncomplete = errors.New("body is shorter than announced")
)

// MaxSkew is how far a request's time may be from the server's.
const MaxSkew = 15 * time.Minute

// maxPresigned is the longest life of a presigned URL of Version 4.
const maxPresigned = 7 * 24 * time.Hour

// Method is the way in which a request is signed.
type Method uint8

// The methods.
const (
	Header Method = iota
	Presigned
	PresignedV2
	Form   // the policy of a form
	FormV2 // the same with Version 2
)

// Values of x-amz-content-sha256 that are no hash.
const (
	UnsignedPayload        = "UNSIGNED-PAYLOAD"
	StreamingSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingUnsigned      = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	terminator = "aws4_request"
)

// Claim is who a request says has signed it, and how.
type Claim struct {
	Method        Method
	AccessKeyID   string
	Region        string // of the credential scope; "" with Version 2
	Service       string // of the credential scope; "s3" with Version 2
	Token         string // session token; "" = none
	Time          time.Time
	Expires       time.Time // of a presigned URL
	SignedHeaders []string  // in lower case
	PayloadHash   string    // of x-amz-content-sha256; "" = not given

	date      string
	signature string
	query     url.Values
}

// Parse reads a request's signature. It returns ErrMissing for a request without one.
func Parse(r *http.Request) (*Claim, error) {
	if auth, ok := r.Header["Authorization"]; ok {
		if len(auth) != 1 {
			return nil, fmt.Errorf("%w: %d Authorization headers", ErrMalformed, len(auth))
		}
		if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
			return nil, fmt.Errorf("%w: only one auth mechanism allowed", ErrMalformedQuery)
		}
		return parseHeader(r, auth[0])
	}
	switch {
	case strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm="), strings.Contains(r.URL.RawQuery, "X-Amz-Signature="):
		return parsePresigned(r)
	case strings.Contains(r.URL.RawQuery, "AWSAccessKeyId="):
		return parseV2(r)
	}
	return nil, ErrMissing
}

func parseHeader(r *http.Request, auth string) (*Claim, error) {
	method, rest, _ := strings.Cut(auth, " ")
	if method != algorithm {
		return nil, fmt.Errorf("%w: %q; use %s", ErrUnsupported, method, algorithm)
	}
	c := &Claim{Method: Header, Token: r.Header.Get("X-Amz-Security-Token"), PayloadHash: r.Header.Get("X-Amz-Content-Sha256")}
	var credential, signed string
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			credential = v
		case "SignedHeaders":
			signed = v
		case "Signature":
			c.signature = v
		}
	}
	for name, v := range map[string]string{"Credential": credential, "Signature": c.signature, "SignedHeaders": signed} {
		if v == "" {
			return nil, fmt.Errorf("%w: Authorization header requires '%s' parameter", ErrMalformed, name)
		}
	}
	if err := c.credential(credential, ErrMalformed); err != nil {
		return nil, err
	}
	if err := c.headers(signed, ErrMalformed); err != nil {
		return nil, err
	}
	text, layout := r.Header.Get("X-Amz-Date"), timeFormat
	if text == "" {
		text, layout = r.Header.Get("Date"), http.TimeFormat
	}
	if text == "" {
		return nil, fmt.Errorf("%w: Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header", ErrMalformed)
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no date; want the form %s", ErrMalformed, text, timeFormat)
	}
	return c, c.at(t, ErrMalformed)
}

func parsePresigned(r *http.Request) (*Claim, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformedQuery, err)
	}
	for _, k := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"} {
		if len(q[k]) != 1 || q[k][0] == "" {
			return nil, fmt.Errorf("%w: Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.", ErrMalformedQuery) //nolint:staticcheck // AWS's words
		}
	}
	if a := q.Get("X-Amz-Algorithm"); a != algorithm {
		return nil, fmt.Errorf("%w: X-Amz-Algorithm only supports \"%s\"", ErrMalformedQuery, algorithm)
	}
	c := &Claim{Method: Presigned, Token: q.Get("X-Amz-Security-Token"), signature: q.Get("X-Amz-Signature"), query: q}
	if c.PayloadHash = q.Get("X-Amz-Content-Sha256"); c.PayloadHash == "" {
		c.PayloadHash = r.Header.Get("X-Amz-Content-Sha256")
	}
	if err := c.credential(q.Get("X-Amz-Credential"), ErrMalformedQuery); err != nil {
		return nil, err
	}
	if err := c.headers(q.Get("X-Amz-SignedHeaders"), ErrMalformedQuery); err != nil {
		return nil, err
	}
	t, err := time.Parse(timeFormat, q.Get("X-Amz-Date"))
	if err != nil {
		return nil, fmt.Errorf("%w: X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"", ErrMalformedQuery)
	}
	n, err := strconv.ParseInt(q.Get("X-Amz-Expires"), 10, 64)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: X-Amz-Expires should be a number", ErrMalformedQuery)
	case n < 0:
		return nil, fmt.Errorf("%w: X-Amz-Expires must be non-negative", ErrMalformedQuery)
	case n > int64(maxPresigned/time.Second):
		return nil, fmt.Errorf("%w: X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds", ErrMalformedQuery)
	}
	c.Expires = t.Add(time.Duration(n) * time.Second)
	return c, c.at(t, ErrMalformedQuery)
}

// credential reads AKID/20260102/us-east-1/s3/aws4_request.
func (c *Claim) credential(s string, kind error) error {
	p := strings.Split(s, "/")
	if len(p) != 5 || p[0] == "" || p[2] == "" || p[3] == "" || p[4] != terminator {
		return fmt.Errorf("%w: the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"", kind)
	}
	c.AccessKeyID, c.date, c.Region, c.Service = p[0], p[1], p[2], p[3]
	return nil
}

func (c *Claim) headers(s string, kind error) error {
	c.SignedHeaders = strings.Split(s, ";")
	if !slices.Contains(c.SignedHeaders, "host") && !slices.Contains(c.SignedHeaders, ":authority") {
		return fmt.Errorf("%w: 'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization", kind)
	}
	return nil
}

// at sets the time of signing, which must be on the day that the credential names.
func (c *Claim) at(t time.Time, kind error) error {
	c.Time = t.UTC()
	if c.date != c.Time.Format("20060102") {
		return fmt.Errorf("%w: Invalid credential date \"%s\". This date is not the same as X-Amz-Date: \"%s\".", kind, c.date, c.Time.Format("20060102")) //nolint:staticcheck // AWS's words
	}
	return nil
}

// Streams reports whether the body is in chunks of aws-chunked.
func (c *Claim) Streams() bool {
	return c != nil && strings.HasPrefix(c.PayloadHash, "STREAMING-")
}

// scope is the credential scope of the string to sign.
func (c *Claim) scope() string {
	return c.date + "/" + c.Region + "/" + c.Service + "/" + terminator
}
