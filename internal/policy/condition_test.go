package policy

import (
	"fmt"
	"testing"
)

func TestConditions(t *testing.T) {
	keys := Keys{}
	keys.Set("s3:prefix", "logs/a")
	keys.Set("aws:TagKeys", "a", "b")
	keys.Set("aws:SourceIp", "10.1.2.3")
	keys.Set("aws:CurrentTime", "2026-01-02T03:04:05Z")
	keys.Set("aws:EpochTime", "1767323045")
	keys.Set("aws:SecureTransport", "false")
	keys.Set("s3:max-keys", "100")
	keys.Set("aws:PrincipalArn", "arn:aws:iam::111111111111:role/x/y")
	keys.Set("x:binary", "AAE=")
	keys.Set("aws:username", "logs")
	f := func(op, key, values string, want bool) {
		t.Helper()
		d, err := Parse(Identity, fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{%q:{%q:%s}}}}`, op, key, values))
		if err != nil {
			t.Errorf("%s: %v", op, err)
			return
		}
		if got := Evaluate(&Request{Principal: user("u", d), Action: "a:b", Resource: "*", Keys: keys}).Allowed; got != want {
			t.Errorf("%s %s %s: %v", op, key, values, got)
		}
	}
	f("StringEquals", "s3:prefix", `"logs/a"`, true)
	f("StringEquals", "S3:Prefix", `"logs/a"`, true)
	f("StringEquals", "s3:prefix", `"LOGS/a"`, false)
	f("StringEquals", "s3:prefix", `"logs/*"`, false)
	f("StringEquals", "s3:prefix", `["x","logs/a"]`, true)
	f("StringEquals", "s3:prefix", `"${aws:username}/a"`, true)
	f("StringEquals", "s3:prefix", `"${no:such}/a"`, false)
	f("StringLike", "s3:prefix", `"${no:such, 'logs'}/?"`, true)
	f("StringEqualsIgnoreCase", "s3:prefix", `"LOGS/a"`, true)
	f("StringNotEquals", "s3:prefix", `["x","y"]`, true)
	f("StringNotEquals", "s3:prefix", `["x","logs/a"]`, false)
	f("StringNotEquals", "no:such", `"x"`, true)
	f("StringNotEqualsIgnoreCase", "s3:prefix", `"LOGS/A"`, false)
	f("StringLike", "s3:prefix", `"logs/*"`, true)
	f("StringLike", "s3:prefix", `"log?/${*}"`, false)
	f("StringNotLike", "s3:prefix", `"logs/*"`, false)
	f("StringEquals", "no:such", `"x"`, false)
	f("StringEqualsIfExists", "no:such", `"x"`, true)
	f("StringEqualsIfExists", "s3:prefix", `"x"`, false)
	f("NumericEquals", "s3:max-keys", `100`, true)
	f("NumericLessThanEquals", "s3:max-keys", `"100"`, true)
	f("NumericLessThan", "s3:max-keys", `"100"`, false)
	f("NumericGreaterThan", "s3:max-keys", `99.5`, true)
	f("NumericGreaterThanEquals", "s3:max-keys", `"x"`, false)
	f("NumericNotEquals", "s3:max-keys", `7`, true)
	f("DateGreaterThan", "aws:CurrentTime", `"2026-01-01T00:00:00Z"`, true)
	f("DateLessThan", "aws:CurrentTime", `"2026-01-01"`, false)
	f("DateLessThanEquals", "aws:EpochTime", `1767323045`, true)
	f("DateEquals", "aws:CurrentTime", `"2026-01-02T03:04:05Z"`, true)
	f("DateNotEquals", "aws:CurrentTime", `"2026-01-02T03:04:05Z"`, false)
	f("Bool", "aws:SecureTransport", `false`, true)
	f("Bool", "aws:SecureTransport", `"true"`, false)
	f("Bool", "aws:MultiFactorAuthPresent", `"true"`, false)
	f("BoolIfExists", "aws:MultiFactorAuthPresent", `"true"`, true)
	f("BinaryEquals", "x:binary", `"AAE="`, true)
	f("BinaryEquals", "x:binary", `"AAI="`, false)
	f("IpAddress", "aws:SourceIp", `["192.168.0.0/16","10.0.0.0/8"]`, true)
	f("IpAddress", "aws:SourceIp", `"10.1.2.3"`, true)
	f("IpAddress", "aws:SourceIp", `"::/0"`, false)
	f("NotIpAddress", "aws:SourceIp", `"10.0.0.0/8"`, false)
	f("ArnEquals", "aws:PrincipalArn", `"arn:aws:iam::111111111111:role/*"`, true)
	f("ArnLike", "aws:PrincipalArn", `"arn:aws:iam::*:role/x/y"`, true)
	f("ArnLike", "aws:PrincipalArn", `"arn:aws:*:role/x/y"`, false)
	f("ArnNotLike", "aws:PrincipalArn", `"arn:aws:iam::2*:*"`, true)
	f("ArnNotEquals", "aws:PrincipalArn", `"arn:aws:iam::111111111111:role/x/y"`, false)
	f("Null", "aws:TokenAge", `"true"`, true)
	f("Null", "s3:prefix", `"true"`, false)
	f("Null", "s3:prefix", `false`, true)
	f("ForAllValues:StringEquals", "aws:TagKeys", `["a","b","c"]`, true)
	f("ForAllValues:StringEquals", "aws:TagKeys", `["a"]`, false)
	f("ForAllValues:StringEquals", "no:such", `["a"]`, true)
	f("ForAnyValue:StringEquals", "aws:TagKeys", `["b","c"]`, true)
	f("ForAnyValue:StringEquals", "aws:TagKeys", `["c"]`, false)
	f("ForAnyValue:StringEquals", "no:such", `["c"]`, false)
	f("ForAnyValue:StringLikeIfExists", "no:such", `["c"]`, true)
	f("ForAllValues:StringNotEquals", "aws:TagKeys", `["c"]`, true)
	f("ForAllValues:StringNotEquals", "aws:TagKeys", `["a"]`, false)
	f("ForAnyValue:StringNotEquals", "aws:TagKeys", `["a"]`, true)
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		p, s string
		want bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*a*b*", "xxaybzz", true}, {"*a*b*", "xxbyazz", false}, {"\x01", "*", true}, {"\x01", "x", false}, {"a**", "a", true}, {"?*", "", false},
	} {
		if glob(c.p, c.s) != c.want {
			t.Errorf("glob(%q, %q) != %v", c.p, c.s, c.want)
		}
	}
	if globARN("arn:aws:s3:*:a", "arn:aws:s3:::a") || !globARN("arn:aws:s3:::a*", "arn:aws:s3:::a:b/c") {
		t.Error("a wildcard ran over a colon, or did not in the last part")
	}
}
