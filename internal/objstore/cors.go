package objstore

import (
	"fmt"
	"slices"
	"strings"
)

// CORSRule says which web pages may use a bucket from a browser.
type CORSRule struct {
	ID            string `json:",omitempty"`
	Origins       []string
	Methods       []string
	Headers       []string `json:",omitempty"`
	ExposeHeaders []string `json:",omitempty"`
	MaxAgeSeconds *int32   `json:",omitempty"`
}

// CheckCORS applies S3's rules for CORS configurations.
func CheckCORS(rules []CORSRule) error {
	if len(rules) == 0 || len(rules) > 100 {
		return fmt.Errorf("%w: a CORS configuration has 1 to 100 rules, not %d", ErrInvalidRequest, len(rules))
	}
	for _, r := range rules {
		if len(r.Origins) == 0 || len(r.Methods) == 0 {
			return fmt.Errorf("%w: a CORS rule needs AllowedOrigin and AllowedMethod", ErrInvalidRequest)
		}
		for _, m := range r.Methods {
			if !slices.Contains([]string{"GET", "PUT", "HEAD", "POST", "DELETE"}, m) {
				return fmt.Errorf("%w: found unsupported HTTP method in CORS config. Unsupported method is %s", ErrInvalidRequest, m)
			}
		}
		for _, o := range r.Origins {
			if strings.Count(o, "*") > 1 {
				return fmt.Errorf("%w: AllowedOrigin %q can not have more than one wildcard", ErrInvalidRequest, o)
			}
		}
		for _, h := range r.Headers {
			if strings.Count(h, "*") > 1 {
				return fmt.Errorf("%w: AllowedHeader %q can not have more than one wildcard", ErrInvalidRequest, h)
			}
		}
	}
	return nil
}

// MatchCORS returns the first rule that allows the method from the origin with the request's headers, or nil.
func (b *Bucket) MatchCORS(origin, method string, headers []string) *CORSRule {
	for i := range b.CORS {
		r := &b.CORS[i]
		if !slices.Contains(r.Methods, method) || !r.AllowsOrigin(origin) {
			continue
		}
		if !slices.ContainsFunc(headers, func(h string) bool {
			h = strings.ToLower(strings.TrimSpace(h))
			return !slices.ContainsFunc(r.Headers, func(p string) bool { return wildcard(strings.ToLower(p), h) })
		}) {
			return r
		}
	}
	return nil
}

// AllowsOrigin reports whether the rule names the origin.
func (r *CORSRule) AllowsOrigin(origin string) bool {
	return slices.ContainsFunc(r.Origins, func(p string) bool { return wildcard(p, origin) })
}

// wildcard matches a pattern with at most one star.
func wildcard(pattern, s string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}
