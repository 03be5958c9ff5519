package scalar

import (
	"regexp"
	"strconv"
	"strings"
)

var urlTable = map[string]entry{
	"url_extract_protocol": urlPart(func(u *uri) any { return u.scheme }),
	"url_extract_host":     urlPart(func(u *uri) any { return u.host }),
	"url_extract_port": urlPart(func(u *uri) any {
		if u.port < 0 {
			return nil
		}
		return u.port
	}),
	"url_extract_path":     urlPart(func(u *uri) any { return decodePercent(u.path) }),
	"url_extract_query":    urlPart(func(u *uri) any { return decodePercent(u.query) }),
	"url_extract_fragment": urlPart(func(u *uri) any { return decodePercent(u.fragment) }),
	"url_extract_parameter": plain(func(a []any) (any, error) {
		u, ok := parseURI(str(a[0]))
		if !ok || !u.hasQuery {
			return nil, nil
		}
		for _, p := range strings.Split(u.query, "&") {
			k, v, _ := strings.Cut(p, "=")
			if decodePercent(k) == str(a[1]) {
				return decodeForm(v), nil
			}
		}
		return nil, nil
	}),
	"url_encode": plain(func(a []any) (any, error) {
		var b strings.Builder
		for _, c := range []byte(str(a[0])) {
			switch {
			case isWordByte(c) || c == '-' || c == '.' || c == '*':
				b.WriteByte(c)
			case c == ' ':
				b.WriteByte('+')
			default:
				b.WriteString("%" + strings.ToUpper(strconv.FormatInt(int64(c)+256, 16)[1:]))
			}
		}
		return b.String(), nil
	}),
	"url_decode": plain(func(a []any) (any, error) {
		s := strings.ReplaceAll(str(a[0]), "+", " ")
		var b []byte
		for i := 0; i < len(s); i++ {
			if s[i] != '%' {
				b = append(b, s[i])
				continue
			}
			if i+3 > len(s) {
				return nil, invalid("URLDecoder: Incomplete trailing escape (%%) pattern")
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return nil, invalid("URLDecoder: Illegal hex characters in escape (%%) pattern - %s", s[i+1:i+3])
			}
			b = append(b, byte(n))
			i += 2
		}
		return strings.ToValidUTF8(string(b), "\ufffd"), nil
	}),
}

type uri struct {
	scheme, host, path, query, fragment string
	port                                int64
	hasQuery                            bool
}

func urlPart(f func(*uri) any) entry {
	return plain(func(a []any) (any, error) {
		u, ok := parseURI(str(a[0]))
		if !ok {
			return nil, nil
		}
		return f(u), nil
	})
}

var (
	schemePattern = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)
	badEscape     = regexp.MustCompile(`%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|[0-9A-Fa-f]?$)`)
)

// parseURI reads what java.net.URI does.
func parseURI(s string) (*uri, bool) {
	u := &uri{port: -1}
	if strings.ContainsAny(s, " \"<>\\^`{|}\t\n\r") || badEscape.MatchString(s) {
		return nil, false
	}
	rest, frag, _ := strings.Cut(s, "#")
	if strings.Contains(frag, "#") || strings.ContainsAny(frag, "[]") {
		return nil, false
	}
	u.fragment = frag
	if m := schemePattern.FindStringSubmatch(rest); m != nil {
		u.scheme, rest = m[1], rest[len(m[0]):]
		if rest == "" {
			return nil, false
		}
		if rest[0] != '/' { // opaque: mailto:x@y
			return u, true
		}
	} else if i := strings.IndexAny(rest, ":/?"); i >= 0 && rest[i] == ':' {
		return nil, false
	}
	rest, u.query, u.hasQuery = strings.Cut(rest, "?")
	if strings.HasPrefix(rest, "//") {
		authority := rest[2:]
		i := strings.IndexByte(authority, '/')
		if i >= 0 {
			authority, u.path = authority[:i], authority[i:]
		}
		if authority == "" && i < 0 {
			return nil, false
		}
		u.authority(authority)
		return u, !strings.ContainsAny(u.path, "[]")
	}
	u.path = rest
	return u, !strings.ContainsAny(u.path, "[]")
}

var hostPattern = regexp.MustCompile(`^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+(?:%[\w.]+)?\])$`)

// authority reads user@host:port; one that is no server's leaves the host empty.
func (u *uri) authority(s string) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.Contains(s[i:], "]") {
		host, port = s[:i], s[i+1:]
	}
	if !hostPattern.MatchString(host) {
		return
	}
	if port != "" {
		n, err := strconv.ParseInt(port, 10, 32)
		if err != nil || n < 0 {
			return
		}
		u.port = n
	}
	u.host = host
}

func decodePercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+3 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

// decodeForm is decodePercent for a value of a query, where + is a blank.
func decodeForm(s string) string { return decodePercent(strings.ReplaceAll(s, "+", " ")) }
