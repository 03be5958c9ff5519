package sigv4

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Version 2 is made of
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// ParseForm reads who claims to have signed the policy of a form (POST Object of S3). field returns a field of the form by
// its name in lower case. It returns ErrMissing for a form without a policy, and ErrFormField, with the field's name, where
// a policy has no complete signature.
func ParseForm(field func(name string) string) (*Claim, error) {
	policy := field("policy")
	v4, v2 := field("x-amz-signature"), field("signature")
	if policy == "" && v4 == "" && v2 == "" {
		return nil, ErrMissing
	}
	if policy == "" {
		return nil, fmt.Errorf("%w: policy", ErrFormField)
	}
	if v4 == "" && (v2 != "" || field("awsaccesskeyid") != "") {
		for _, name := range []string{"AWSAccessKeyId", "Signature"} {
			if field(strings.ToLower(name)) == "" {
				return nil, fmt.Errorf("%w: %s", ErrFormField, name)
			}
		}
		return &Claim{Method: FormV2, AccessKeyID: field("awsaccesskeyid"), Service: "s3", Token: field("x-amz-security-token"), signature: v2}, nil
	}
	if v4 == "" && field("x-amz-algorithm") == "" && field("x-amz-credential") == "" && field("x-amz-date") == "" {
		return nil, ErrMissing // a policy that nobody signed
	}
	for _, name := range []string{"X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date"} {
		if field(strings.ToLower(name)) == "" {
			return nil, fmt.Errorf("%w: %s", ErrFormField, name)
		}
	}
	if a := field("x-amz-algorithm"); a != algorithm {
		return nil, fmt.Errorf("%w: X-Amz-Algorithm only supports \"%s\"", ErrMalformedQuery, algorithm)
	}
	c := &Claim{Method: Form, Token: field("x-amz-security-token"), signature: v4}
	if err := c.credential(field("x-amz-credential"), ErrMalformedQuery); err != nil {
		return nil, err
	}
	t, err := time.Parse(timeFormat, field("x-amz-date"))
	if err != nil {
		return nil, fmt.Errorf("%w: X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"", ErrMalformedQuery)
	}
	return c, c.at(t, ErrMalformedQuery)
}

// VerifyForm checks that secret signed the policy of a form as it was sent, in base64. How long the form may be used stands
// in the policy, which the caller reads. It returns ErrMismatch.
func (v *Verifier) VerifyForm(c *Claim, secret, policy string) error {
	var want string
	if c.Method == FormV2 {
		m := hmac.New(sha1.New, []byte(secret))
		m.Write([]byte(policy))
		want = base64.StdEncoding.EncodeToString(m.Sum(nil))
	} else {
		key := v.key(secret, c)
		s := mac(key[:], policy)
		want = hex.EncodeToString(s[:])
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) != 1 {
		return &MismatchError{ToSign: policy, Provided: c.signature}
	}
	return nil
}

// SignForm returns the signature of a form's policy, in base64, with Version 4.
func SignForm(secret, policy, region string, now time.Time) string {
	key := signingKey(secret, now.UTC().Format("20060102"), region, "s3")
	s := mac(key[:], policy)
	return hex.EncodeToString(s[:])
}
