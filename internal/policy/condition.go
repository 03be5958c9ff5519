package policy

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Keys are the condition keys of a request, in lower case: "aws:sourceip", "s3:prefix".
type Keys map[string][]string

// Set sets a key, whatever its case.
func (k Keys) Set(key string, values ...string) { k[strings.ToLower(key)] = values }

type operator struct {
	base     string // without Not, IfExists and set prefix: "StringEquals"
	negated  bool
	ifExists bool
	set      byte // 0, 'A' = ForAllValues, 'O' = ForAnyValue
}

var tests = map[string]func(want, got string) bool{
	"StringEquals":             func(want, got string) bool { return unescape(want) == got },
	"StringEqualsIgnoreCase":   func(want, got string) bool { return strings.EqualFold(unescape(want), got) },
	"StringLike":               glob,
	"NumericEquals":            number(func(w, g float64) bool { return g == w }),
	"NumericLessThan":          number(func(w, g float64) bool { return g < w }),
	"NumericLessThanEquals":    number(func(w, g float64) bool { return g <= w }),
	"NumericGreaterThan":       number(func(w, g float64) bool { return g > w }),
	"NumericGreaterThanEquals": number(func(w, g float64) bool { return g >= w }),
	"DateEquals":               date(func(c int) bool { return c == 0 }),
	"DateLessThan":             date(func(c int) bool { return c < 0 }),
	"DateLessThanEquals":       date(func(c int) bool { return c <= 0 }),
	"DateGreaterThan":          date(func(c int) bool { return c > 0 }),
	"DateGreaterThanEquals":    date(func(c int) bool { return c >= 0 }),
	"Bool":                     func(want, got string) bool { return strings.EqualFold(unescape(want), got) },
	"BinaryEquals":             binaryEquals,
	"IpAddress":                inNetwork,
	"ArnEquals":                globARN,
	"ArnLike":                  globARN,
	"Null":                     nil, // asks whether there is a value
}

// parseOperator takes an operator's name apart.
func parseOperator(name string) (operator, bool) {
	var o operator
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		o.set, name = 'A', rest
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		o.set, name = 'O', rest
	}
	if rest, ok := strings.CutSuffix(name, "IfExists"); ok && rest != "Null" {
		o.ifExists, name = true, rest
	}
	for _, p := range []struct{ not, base string }{
		{"StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase"}, {"StringNotEquals", "StringEquals"}, {"StringNotLike", "StringLike"}, {"NumericNotEquals", "NumericEquals"},
		{"DateNotEquals", "DateEquals"}, {"NotIpAddress", "IpAddress"}, {"ArnNotEquals", "ArnEquals"}, {"ArnNotLike", "ArnLike"},
	} {
		if name == p.not {
			o.negated, name = true, p.base
		}
	}
	o.base = name
	_, ok := tests[name]
	return o, ok
}

// holds evaluates a condition. Policy variables are replaced where the document's version has them.
func (c *Condition) holds(keys Keys, variables bool) bool {
	got, present := keys[c.Key]
	o := c.op
	if o.base == "Null" {
		for _, v := range c.Values {
			if strings.EqualFold(v, "true") != present {
				return true
			}
		}
		return false
	}
	if !present || len(got) == 0 {
		return o.ifExists || o.set == 'A' || o.negated && o.set == 0
	}
	test := tests[o.base]
	matches := func(g string) bool {
		for _, w := range c.Values {
			if variables {
				var ok bool
				if w, ok = expand(w, keys); !ok {
					continue
				}
			}
			if test(w, g) {
				return true
			}
		}
		return false
	}
	all := o.set == 'A' || o.set == 0 && o.negated
	for _, g := range got {
		if (matches(g) != o.negated) != all {
			return !all
		}
	}
	return all
}

func number(cmp func(want, got float64) bool) func(want, got string) bool {
	return func(want, got string) bool {
		w, err1 := strconv.ParseFloat(want, 64)
		g, err2 := strconv.ParseFloat(got, 64)
		return err1 == nil && err2 == nil && cmp(w, g)
	}
}

func date(cmp func(int) bool) func(want, got string) bool {
	parse := func(s string) (time.Time, bool) {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			if n > 1e11 {
				return time.UnixMilli(n), true
			}
			return time.Unix(n, 0), true
		}
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t, true
			}
		}
		return time.Time{}, false
	}
	return func(want, got string) bool {
		w, ok1 := parse(want)
		g, ok2 := parse(got)
		return ok1 && ok2 && cmp(g.Compare(w))
	}
}

func binaryEquals(want, got string) bool {
	w, err1 := base64.StdEncoding.DecodeString(want)
	g, err2 := base64.StdEncoding.DecodeString(got)
	return err1 == nil && err2 == nil && bytes.Equal(w, g)
}

func inNetwork(want, got string) bool {
	ip, err := netip.ParseAddr(got)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	if p, err := netip.ParsePrefix(want); err == nil {
		return p.Contains(ip)
	}
	w, err := netip.ParseAddr(want)
	return err == nil && w.Unmap() == ip
}
