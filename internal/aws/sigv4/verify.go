package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxKeys bounds the cache of signing keys. A key lives for a day of a region of a service; a full cache starts anew.
const maxKeys = 4096

// Verifier checks signatures. Its zero value is ready; it is safe for concurrent use.
type Verifier struct {
	mu   sync.RWMutex // guards keys
	keys map[keyID][sha256.Size]byte
}

// keyID names a signing key. The secret is part of it, so that a key that was rotated does not verify.
type keyID struct{ secret, date, region, service string }

func (v *Verifier) key(secret string, c *Claim) [sha256.Size]byte {
	id := keyID{secret, c.date, c.Region, c.Service}
	v.mu.RLock()
	k, ok := v.keys[id]
	v.mu.RUnlock()
	if ok {
		return k
	}
	k = signingKey(secret, c.date, c.Region, c.Service)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys == nil || len(v.keys) >= maxKeys {
		v.keys = map[keyID][sha256.Size]byte{}
	}
	v.keys[id] = k
	return k
}

func signingKey(secret, date, region, service string) [sha256.Size]byte {
	k := mac([]byte("AWS4"+secret), date)
	k = mac(k[:], region)
	k = mac(k[:], service)
	return mac(k[:], terminator)
}

func mac(key []byte, text string) (out [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	h.Sum(out[:0])
	return out
}

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Fresh checks the time of a claim against now: ErrSkewed, or ErrExpired for presigned URLs.
func (c *Claim) Fresh(now time.Time) error {
	switch {
	case c.Method == Header && (now.Sub(c.Time) > MaxSkew || c.Time.Sub(now) > MaxSkew):
		return ErrSkewed
	case c.Method == Header:
		return nil
	case c.Time.Sub(now) > MaxSkew:
		return fmt.Errorf("%w: Request is not valid yet", ErrSkewed)
	case now.After(c.Expires):
		return ErrExpired
	}
	return nil
}

// Verify checks that secret made the signature of r. body is the whole body, or nil for one that streams: then the hash
// that the request names is signed and the caller reads the body through Body.
//
// It returns ErrMismatch, ErrNotSigned or ErrPayload.
func (v *Verifier) Verify(r *http.Request, c *Claim, secret string, body []byte, streams bool) error {
	if c.Method == PresignedV2 {
		return verifyV2(r, c, secret)
	}
	if names := unsigned(r, c); len(names) > 0 {
		return fmt.Errorf("%w: %s", ErrNotSigned, strings.Join(names, ", "))
	}
	payload := c.PayloadHash
	switch {
	case payload == "" && c.Method == Presigned && c.Service == "s3":
		payload = UnsignedPayload
	case payload == "":
		if streams {
			return fmt.Errorf("%w: x-amz-content-sha256 is required", ErrPayload)
		}
		payload = hexHash(body)
	}
	key := v.key(secret, c)
	canonical := canonicalRequest(r, c, payload)
	want := sign(key, c.Time, c.scope(), canonical)
	if subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) != 1 {
		return &MismatchError{Canonical: canonical, ToSign: stringToSign(c.Time, c.scope(), canonical), Provided: c.signature}
	}
	if streams || payload == UnsignedPayload || strings.HasPrefix(payload, "STREAMING-") {
		return nil
	}
	if !strings.EqualFold(payload, hexHash(body)) {
		return ErrPayload
	}
	return nil
}

func sign(key [sha256.Size]byte, t time.Time, scope, canonical string) string {
	s := mac(key[:], stringToSign(t, scope, canonical))
	return hex.EncodeToString(s[:])
}

func stringToSign(t time.Time, scope, canonical string) string {
	return algorithm + "\n" + t.Format(timeFormat) + "\n" + scope + "\n" + hexHash([]byte(canonical))
}

// MismatchError is an ErrMismatch with what the signature was computed from here, so that a client can compare.
type MismatchError struct {
	Canonical string // canonical request; "" where there is none
	ToSign    string // string to sign
	Provided  string // signature of the request
}

// Error implements error.
func (*MismatchError) Error() string { return ErrMismatch.Error() }

// Unwrap returns ErrMismatch.
func (*MismatchError) Unwrap() error { return ErrMismatch }

// unsigned lists the headers that must be signed and are not. Someone between client and server could change them.
func unsigned(r *http.Request, c *Claim) []string {
	var names []string
	for h := range r.Header {
		if !strings.HasPrefix(h, "X-Amz-") {
			continue
		}
		if l := strings.ToLower(h); !slices.Contains(c.SignedHeaders, l) {
			// A presigned URL says in its parameters what a header would.
			if c.Method == Presigned && l == "x-amz-content-sha256" {
				continue
			}
			names = append(names, l)
		}
	}
	slices.Sort(names)
	return names
}
