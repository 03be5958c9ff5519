package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest returns the text whose hash is signed.
func canonicalRequest(r *http.Request, c *Claim, payload string) string {
	var b strings.Builder
	b.Grow(1024)
	b.WriteString(r.Method)
	b.WriteByte('\n')
	b.WriteString(canonicalPath(r.URL.EscapedPath(), c.Service))
	b.WriteByte('\n')
	canonicalQuery(&b, r.URL.RawQuery)
	b.WriteByte('\n')
	for _, h := range c.SignedHeaders {
		b.WriteString(h)
		b.WriteByte(':')
		canonicalHeader(&b, r, h)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(c.SignedHeaders, ";"))
	b.WriteByte('\n')
	b.WriteString(payload)
	return b.String()
}

// canonicalPath encodes the path as the signer did: S3 once, whatever it looks like; all other services normalise it and
// encode it a second time.
func canonicalPath(escaped, service string) string {
	if escaped == "" {
		return "/"
	}
	if service == "s3" || service == "s3express" || service == "s3-object-lambda" {
		plain, err := url.PathUnescape(escaped)
		if err != nil {
			return escaped
		}
		return encode(plain, true)
	}
	return encode(normalise(escaped), true)
}

// normalise removes dot segments and empty ones, as RFC 3986 section 6 says.
func normalise(p string) string {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p
	}
	var out []string
	for seg := range strings.SplitSeq(p, "/") {
		switch seg {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, seg)
		}
	}
	s := "/" + strings.Join(out, "/")
	if len(s) > 1 && strings.HasSuffix(p, "/") {
		s += "/"
	}
	return s
}

func canonicalQuery(b *strings.Builder, raw string) {
	if raw == "" {
		return
	}
	type pair struct{ k, v string }
	var list []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		k, v = reencode(k), reencode(v)
		if k != "X-Amz-Signature" {
			list = append(list, pair{k, v})
		}
	}
	slices.SortFunc(list, func(x, y pair) int {
		if c := strings.Compare(x.k, y.k); c != 0 {
			return c
		}
		return strings.Compare(x.v, y.v)
	})
	for i, p := range list {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.k)
		b.WriteByte('=')
		b.WriteString(p.v)
	}
}

func reencode(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return encode(plain, false)
}

func canonicalHeader(b *strings.Builder, r *http.Request, name string) {
	switch name {
	case "host", ":authority":
		b.WriteString(r.Host)
		return
	case "content-length":
		if r.ContentLength >= 0 && r.Header.Get("Content-Length") == "" {
			b.WriteString(strconv.FormatInt(r.ContentLength, 10))
			return
		}
	case "transfer-encoding":
		b.WriteString(strings.Join(r.TransferEncoding, ","))
		return
	}
	for i, v := range r.Header[http.CanonicalHeaderKey(name)] {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(trim(v))
	}
}

// trim removes white space around v and makes one space of each run inside it.
func trim(v string) string {
	v = strings.TrimSpace(v)
	if !strings.Contains(v, "  ") {
		return v
	}
	return strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' }), " ")
}

const upperHex = "0123456789ABCDEF"

// encode is AWS's URI encoding: everything but unreserved characters, and slashes where they are kept.
func encode(s string, keepSlash bool) string {
	n := 0
	for i := range len(s) {
		if !plainByte(s[i], keepSlash) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; plainByte(c, keepSlash) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

func plainByte(c byte, keepSlash bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' || c == '/' && keepSlash
}
