package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/policy"
)

// authenticate verifies the signature and sets the call's principal, account and region. headOnly is set where the
// operation was not found, so that the body was not read.
func (g *Gateway) authenticate(ctx context.Context, x *exchange, parseErr error, headOnly bool) *protocol.Error {
	if x.claim != nil && x.claim.Region != "" {
		x.call.Region = x.claim.Region
	}
	if g.o.Insecure {
		account := g.o.Account
		if x.claim != nil && len(x.claim.AccessKeyID) == 12 && strings.Trim(x.claim.AccessKeyID, "0123456789") == "" {
			account = x.claim.AccessKeyID
		}
		x.call.Principal, x.call.Account = policy.Root(account), account
		if x.claim != nil && x.service.Name == "s3" {
			x.claim.Hoist(x.r)
		}
		return g.openBody(ctx, x, nil, "")
	}
	if parseErr != nil {
		if !errors.Is(parseErr, sigv4.ErrMissing) {
			return g.refuse(x, parseErr)
		}
		// A resource's policy may let anybody in.
		if !headOnly && (x.target.Unsigned() || x.target.Public() || x.service.ResourcePolicy != nil) {
			x.call.Principal = anonymous
			return g.openBody(ctx, x, nil, "")
		}
		return g.refuse(x, parseErr)
	}
	cred, err := g.o.Identity.Resolve(ctx, x.claim.AccessKeyID, x.claim.Token)
	if err != nil {
		return g.refuse(x, err)
	}
	if err := x.claim.Fresh(g.o.Clock.Now().UTC()); err != nil {
		return g.refuse(x, err)
	}
	streams := x.body == nil
	if err := g.verifier.Verify(x.r, x.claim, cred.Secret, x.body, streams); err != nil {
		return g.refuse(x, err)
	}
	if x.service.Name == "s3" {
		x.claim.Hoist(x.r)
	}
	x.call.Principal, x.call.Account = cred.Principal, cred.Principal.Account
	id := cred.AccessKeyID
	if cred.Principal.Role != "" { // of a session the role counts: its keys come and go
		id, _, _ = strings.Cut(cred.Principal.ID, ":")
	}
	g.o.Identity.Used(id, x.service.Name, x.call.Region)
	if headOnly {
		return nil
	}
	return g.openBody(ctx, x, x.claim, cred.Secret)
}

// openBody puts the reader in place that takes a streaming body out of its frames and checks it.
func (g *Gateway) openBody(ctx context.Context, x *exchange, claim *sigv4.Claim, secret string) *protocol.Error {
	if x.target == nil || !x.target.Streams() {
		return nil
	}
	if claim == nil {
		claim = &sigv4.Claim{}
		// Nobody signed the chunks, or nobody checks: only the frames are taken away.
		if h := x.r.Header.Get("X-Amz-Content-Sha256"); strings.HasPrefix(h, "STREAMING-") {
			if h != sigv4.StreamingUnsigned && !g.o.Insecure {
				return g.refuse(x, sigv4.ErrMissing)
			}
			claim.PayloadHash = sigv4.StreamingUnsigned
		}
	}
	// net/http looks at the body of its own request to see what a refusal leaves unread: with another in its place it would
	// wait for the body, and ask for it where the client expects to be told.
	x.r = x.r.WithContext(ctx)
	x.call.HTTP = x.r
	body, length, err := g.verifier.Body(x.r, claim, secret)
	if err != nil {
		return g.refuse(x, err)
	}
	if claim.Streams() {
		x.r.ContentLength = length
		x.r.Header.Del("Content-Length")
		x.r.Header.Set("Content-Encoding", withoutChunked(x.r.Header.Get("Content-Encoding")))
		if x.r.Header.Get("Content-Encoding") == "" {
			x.r.Header.Del("Content-Encoding")
		}
	}
	x.r.Body = &checkedBody{body, g, x}
	return nil
}

func withoutChunked(v string) string {
	var keep []string
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" && part != "aws-chunked" {
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, ",")
}

// checkedBody turns the errors of a body into answers, so that they reach the client through whatever reads it.
type checkedBody struct {
	io.ReadCloser
	g *Gateway
	x *exchange
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // io.EOF is returned bare
		return n, err
	}
	return n, b.g.refuse(b.x, err)
}

// wording is how a family of services answers a refusal.
type wording struct {
	code, message string
	status        int
}

// refuse words a reason for which a request is not authentic.
func (g *Gateway) refuse(x *exchange, err error) *protocol.Error {
	now := g.o.Clock.Now().UTC()
	_, detail, _ := strings.Cut(err.Error(), ": ")
	var e *protocol.Error
	switch x.service.Wire(x.r) {
	case "rest-xml":
		e = s3Refusal(x, err, detail, now)
	case "query":
		e = refusal(x, err, detail, now, false)
	default:
		e = refusal(x, err, detail, now, true)
		if x.service.Wire(x.r) == "json" && e.Status == http.StatusForbidden {
			e.Status = http.StatusBadRequest
		}
	}
	return e
}

const (
	mismatchS3 = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	mismatch   = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	badToken   = "The security token included in the request is invalid."
)

func s3Refusal(x *exchange, err error, detail string, now time.Time) *protocol.Error {
	answer := func(status int, code, msg string, members map[string]any) *protocol.Error {
		return &protocol.Error{Code: code, Status: status, Message: msg, Members: members}
	}
	key := ""
	if x.claim != nil {
		key = x.claim.AccessKeyID
	}
	switch {
	case errors.Is(err, sigv4.ErrMissing):
		return answer(403, "AccessDenied", "Access Denied", nil)
	case errors.Is(err, sigv4.ErrMalformed):
		return answer(400, "AuthorizationHeaderMalformed", "The authorization header is malformed; "+detail, nil)
	case errors.Is(err, sigv4.ErrMalformedQuery):
		if strings.HasPrefix(detail, "the Credential is mal-formed") {
			detail = "Error parsing the X-Amz-Credential parameter; " + detail + "."
		}
		return answer(400, "AuthorizationQueryParametersError", detail, nil)
	case errors.Is(err, sigv4.ErrFormField):
		return answer(400, "InvalidArgument", "Bucket POST must contain a field named '"+detail+"'.  If it is specified, please check the order of the fields.", map[string]any{"ArgumentName": detail, "ArgumentValue": ""})
	case errors.Is(err, sigv4.ErrUnsupported):
		return answer(400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", nil)
	case errors.Is(err, sigv4.ErrMismatch):
		members := map[string]any{"AWSAccessKeyId": key}
		if m := (*sigv4.MismatchError)(nil); errors.As(err, &m) {
			members["SignatureProvided"] = m.Provided
			members["StringToSign"], members["StringToSignBytes"] = m.ToSign, hexBytes(m.ToSign)
			if m.Canonical != "" {
				members["CanonicalRequest"], members["CanonicalRequestBytes"] = m.Canonical, hexBytes(m.Canonical)
			}
		}
		return answer(403, "SignatureDoesNotMatch", mismatchS3, members)
	case errors.Is(err, sigv4.ErrIncompleteV2):
		return answer(403, "AccessDenied", err.Error(), nil)
	case errors.Is(err, sigv4.ErrSkewed) && x.claim.Method != sigv4.Header:
		return answer(403, "AccessDenied", "Request is not valid yet", nil)
	case errors.Is(err, sigv4.ErrSkewed):
		return answer(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", map[string]any{
			"RequestTime": x.claim.Time.Format("20060102T150405Z"), "ServerTime": now.Format(time.RFC3339), "MaxAllowedSkewMilliseconds": sigv4.MaxSkew.Milliseconds(),
		})
	case errors.Is(err, sigv4.ErrExpired):
		members := map[string]any{"Expires": x.claim.Expires.Format(time.RFC3339), "ServerTime": now.Format(time.RFC3339)}
		if x.claim.Method == sigv4.Presigned {
			members["X-Amz-Expires"] = strconv.Itoa(int(x.claim.Expires.Sub(x.claim.Time).Seconds()))
		}
		return answer(403, "AccessDenied", "Request has expired", members)
	case errors.Is(err, sigv4.ErrNotSigned):
		return answer(403, "AccessDenied", "There were headers present in the request which were not signed", map[string]any{"HeadersNotSigned": detail})
	case errors.Is(err, sigv4.ErrPayload):
		if x.claim != nil && x.claim.PayloadHash == "" {
			return answer(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", nil)
		}
		return answer(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", nil)
	case errors.Is(err, sigv4.ErrIncomplete):
		return answer(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.", nil)
	case errors.Is(err, sigv4.ErrChunk):
		return answer(400, "InvalidRequest", "The body is not in the form of aws-chunked: "+detail, nil)
	case errors.Is(err, identity.ErrUnknownKey):
		return answer(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", map[string]any{"AWSAccessKeyId": key})
	case errors.Is(err, identity.ErrInvalidToken):
		return answer(400, "InvalidToken", "The provided token is malformed or otherwise invalid.", nil)
	case errors.Is(err, identity.ErrExpiredToken):
		return answer(400, "ExpiredToken", "The provided token has expired.", nil)
	}
	return answer(400, "IncompleteBody", "The request body terminated unexpectedly", nil)
}

// hexBytes shows the bytes of a text as S3 does.
func hexBytes(s string) string { return fmt.Sprintf("% x", s) }

// refusal words it as the query services do; the JSON services add "Exception" and call some by another name.
func refusal(x *exchange, err error, detail string, now time.Time, json bool) *protocol.Error {
	w := wording{"SignatureDoesNotMatch", mismatch, 403}
	jsonCode := "InvalidSignatureException"
	switch {
	case errors.Is(err, sigv4.ErrMissing):
		w, jsonCode = wording{"MissingAuthenticationToken", "Request is missing Authentication Token", 403}, "MissingAuthenticationTokenException"
	case errors.Is(err, sigv4.ErrMalformed), errors.Is(err, sigv4.ErrMalformedQuery), errors.Is(err, sigv4.ErrUnsupported):
		if detail == "" {
			detail = err.Error()
		}
		w, jsonCode = wording{"IncompleteSignature", detail, 400}, "IncompleteSignatureException"
	case errors.Is(err, sigv4.ErrSkewed):
		w.message = skewText(x.claim.Time, now)
	case errors.Is(err, sigv4.ErrExpired):
		w.message = skewText(x.claim.Expires, now)
	case errors.Is(err, sigv4.ErrNotSigned):
		w.message = "There were headers present in the request which were not signed: " + detail
	case errors.Is(err, identity.ErrUnknownKey), errors.Is(err, identity.ErrInvalidToken):
		w, jsonCode = wording{"InvalidClientTokenId", badToken, 403}, "UnrecognizedClientException"
	case errors.Is(err, identity.ErrExpiredToken):
		w, jsonCode = wording{"ExpiredToken", "The security token included in the request is expired", 403}, "ExpiredTokenException"
	}
	if json {
		w.code = jsonCode
		if errors.Is(err, sigv4.ErrMissing) {
			w.message = "Missing Authentication Token"
		}
	}
	return &protocol.Error{Code: w.code, Status: w.status, Message: w.message}
}
