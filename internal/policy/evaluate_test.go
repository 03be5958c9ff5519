package policy

import (
	"strings"
	"testing"
)

const (
	acct  = "111111111111"
	other = "222222222222"
)

func doc(t testing.TB, kind Kind, statements ...string) *Document {
	t.Helper()
	if len(statements) == 0 {
		return nil
	}
	d, err := Parse(kind, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
	if err != nil {
		t.Fatalf("%v: %s", err, statements)
	}
	return d
}

func user(name string, docs ...*Document) Principal {
	return Principal{Account: acct, ARN: "arn:aws:iam::" + acct + ":user/" + name, ID: "AIDAEXAMPLEEXAMPLE", Name: name, Grants: &Grants{Identity: docs}}
}

func session(docs ...*Document) Principal {
	return Principal{Account: acct, ARN: "arn:aws:sts::" + acct + ":assumed-role/r/s", ID: "AROAEXAMPLEEXAMPLE:s", Role: "arn:aws:iam::" + acct + ":role/path/r", Grants: &Grants{Identity: docs}}
}

func TestEvaluate(t *testing.T) {
	allowGet := doc(t, Identity, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/*"}`)
	allowAll := doc(t, Identity, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	denyRaw := doc(t, Identity, `{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::lake/raw/*"}`)
	home := doc(t, Identity, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::lake/${aws:username}/*"}`)
	notIAM := doc(t, Identity, `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`)
	notLake := doc(t, Identity, `{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::lake/*"}`)
	grant := func(principal string) *Document {
		return doc(t, Resource, `{"Effect":"Allow","Principal":`+principal+`,"Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/*"}`)
	}
	denyAll := doc(t, Resource, `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}`)
	denyOthers := doc(t, Resource, `{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::`+acct+`:user/u"},"Action":"s3:*","Resource":"*"}`)
	bounded := func(p Principal, b *Document, s ...*Document) Principal {
		g := *p.Grants
		g.Boundary, g.Session = b, s
		p.Grants = &g
		return p
	}
	stranger := Principal{Account: other, ARN: "arn:aws:iam::" + other + ":user/x", Grants: &Grants{Identity: []*Document{allowAll}}}
	for _, c := range []struct {
		name   string
		p      Principal
		action string
		res    string
		owner  string
		rp     *Document
		want   string // "" = allowed, else the end of the message
	}{
		{"nothing allows", user("u"), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, "because no identity-based policy allows the s3:GetObject action"},
		{"identity allows", user("u", allowGet), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"actions ignore case", user("u", allowGet), "S3:getobject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"another action", user("u", allowGet), "s3:PutObject", "arn:aws:s3:::lake/a", acct, nil, "because no identity-based policy allows the s3:PutObject action"},
		{"another resource", user("u", allowGet), "s3:GetObject", "arn:aws:s3:::lakes/a", acct, nil, "action"},
		{"explicit deny", user("u", allowAll, denyRaw), "s3:GetObject", "arn:aws:s3:::lake/raw/a", acct, nil, "with an explicit deny in an identity-based policy"},
		{"deny before allow", user("u", denyRaw, allowAll), "s3:GetObject", "arn:aws:s3:::lake/raw/a", acct, nil, "with an explicit deny in an identity-based policy"},
		{"deny elsewhere", user("u", allowAll, denyRaw), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"not action", user("u", notIAM), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"not action hits", user("u", notIAM), "iam:GetUser", "*", "", nil, "action"},
		{"not resource", user("u", notLake), "s3:GetObject", "arn:aws:s3:::sea/a", acct, nil, ""},
		{"not resource hits", user("u", notLake), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, "action"},
		{"variable", user("u", home), "s3:GetObject", "arn:aws:s3:::lake/u/a", acct, nil, ""},
		{"variable of another", user("u", home), "s3:GetObject", "arn:aws:s3:::lake/v/a", acct, nil, "action"},
		{"variable is no wildcard", user("*", home), "s3:GetObject", "arn:aws:s3:::lake/v/a", acct, nil, "action"},
		{"variable without value", session(home), "s3:GetObject", "arn:aws:s3:::lake//a", acct, nil, "action"},

		{"resource names user", user("u"), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"arn:aws:iam::` + acct + `:user/u"}`), ""},
		{"resource names another user", user("v"), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"arn:aws:iam::` + acct + `:user/u"}`), "action"},
		{"resource names account: delegates only", user("u"), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"` + acct + `"}`), "action"},
		{"resource names everybody", user("u"), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`"*"`), ""},
		{"anonymous", Principal{}, "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`"*"`), ""},
		{"anonymous without", Principal{}, "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, "because no resource-based policy allows the s3:GetObject action"},
		{"resource denies", user("u", allowAll), "s3:GetObject", "arn:aws:s3:::lake/a", acct, denyAll, "with an explicit deny in a resource-based policy"},
		{"not principal spares", user("u", allowAll), "s3:GetObject", "arn:aws:s3:::lake/a", acct, denyOthers, ""},
		{"not principal hits", user("v", allowAll), "s3:GetObject", "arn:aws:s3:::lake/a", acct, denyOthers, "with an explicit deny in a resource-based policy"},
		{"service", ForService("s3.amazonaws.com", acct), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"Service":"s3.amazonaws.com"}`), ""},
		{"another service", ForService("sns.amazonaws.com", acct), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"Service":"s3.amazonaws.com"}`), "action"},

		{"cross account, both", stranger, "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"arn:aws:iam::` + other + `:root"}`), ""},
		{"cross account, resource only", Principal{Account: other, ARN: stranger.ARN}, "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"` + other + `"}`), "because no identity-based policy allows the s3:GetObject action"},
		{"cross account, identity only", stranger, "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, "because no resource-based policy allows the s3:GetObject action"},
		{"cross account by ARN", stranger, "sqs:SendMessage", "arn:aws:sqs:us-east-1:" + acct + ":q", "", nil, "because no resource-based policy allows the sqs:SendMessage action"},

		{"root", Root(acct), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"root denied", Root(acct), "s3:GetObject", "arn:aws:s3:::lake/a", acct, denyAll, "with an explicit deny in a resource-based policy"},
		{"root repairs", Root(acct), "s3:PutBucketPolicy", "arn:aws:s3:::lake", acct, denyAll, ""},
		{"root of another account", Root(other), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, "because no resource-based policy allows the s3:GetObject action"},

		{"boundary", bounded(user("u", allowAll), allowGet), "s3:PutObject", "arn:aws:s3:::lake/a", acct, nil, "because no permissions boundary allows the s3:PutObject action"},
		{"within boundary", bounded(user("u", allowAll), allowGet), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"boundary grants nothing", bounded(user("u"), allowAll), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, "because no identity-based policy allows the s3:GetObject action"},
		{"boundary denies", bounded(user("u", allowAll), denyRaw), "s3:GetObject", "arn:aws:s3:::lake/raw/a", acct, nil, "with an explicit deny in a permissions boundary"},
		{"session policy", bounded(session(allowAll), nil, allowGet), "s3:PutObject", "arn:aws:s3:::lake/a", acct, nil, "because no session policy allows the s3:PutObject action"},
		{"session policy allows", bounded(session(allowAll), nil, allowGet), "s3:GetObject", "arn:aws:s3:::lake/a", acct, nil, ""},
		{"user passes boundary by resource", bounded(user("u"), denyRaw), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"arn:aws:iam::` + acct + `:user/u"}`), ""},
		{"role within boundary by resource", bounded(session(), denyRaw), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"arn:aws:iam::` + acct + `:role/path/r"}`), "because no permissions boundary allows the s3:GetObject action"},
		{"session by ARN", session(), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"arn:aws:sts::` + acct + `:assumed-role/r/s"}`), ""},
		{"role by unique id", session(), "s3:GetObject", "arn:aws:s3:::lake/a", acct, grant(`{"AWS":"AROAEXAMPLEEXAMPLE"}`), ""},
	} {
		r := &Request{Principal: c.p, Action: c.action, Resource: c.res, Account: c.owner, ResourcePolicy: c.rp, Keys: Keys{}}
		if c.p.Name != "" {
			r.Keys.Set("aws:username", c.p.Name)
		}
		d := Evaluate(r)
		msg := d.Message(r)
		if d.Allowed != (c.want == "") || !d.Allowed && !strings.HasSuffix(msg, c.want) {
			t.Errorf("%s: allowed %v, %s", c.name, d.Allowed, msg)
		}
	}
}

func TestTrust(t *testing.T) {
	trust := func(p string) *Document {
		return doc(t, Trust, `{"Effect":"Allow","Principal":`+p+`,"Action":"sts:AssumeRole"}`)
	}
	role := "arn:aws:iam::" + acct + ":role/r"
	allow := doc(t, Identity, `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	for _, c := range []struct {
		name string
		p    Principal
		doc  *Document
		want bool
	}{
		{"service", ForService("lambda.amazonaws.com", acct), trust(`{"Service":["lambda.amazonaws.com","glue.amazonaws.com"]}`), true},
		{"another service", ForService("states.amazonaws.com", acct), trust(`{"Service":"lambda.amazonaws.com"}`), false},
		{"account without policy", user("u"), trust(`{"AWS":"` + acct + `"}`), false},
		{"account with policy", user("u", allow), trust(`{"AWS":"` + acct + `"}`), true},
		{"user", user("u"), trust(`{"AWS":"arn:aws:iam::` + acct + `:user/u"}`), true},
		{"policy without trust", user("u", allow), trust(`{"Service":"lambda.amazonaws.com"}`), false},
		{"root without trust", Root(acct), trust(`{"Service":"lambda.amazonaws.com"}`), false},
		{"root with trust", Root(acct), trust(`{"AWS":"` + acct + `"}`), true},
	} {
		got := Evaluate(&Request{Principal: c.p, Action: "sts:AssumeRole", Resource: role, ResourcePolicy: c.doc, Keys: Keys{}}).Allowed
		if got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	d := doc(b, Identity, `{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"],"Condition":{"StringLike":{"aws:useragent":"*Boto*"}}}`)
	r := &Request{Principal: user("u", d), Action: "s3:GetObject", Resource: "arn:aws:s3:::lake/some/key", Account: acct, Keys: Keys{"aws:useragent": {"Boto3/1.2"}}}
	b.ReportAllocs()
	for b.Loop() {
		if !Evaluate(r).Allowed {
			b.Fatal("refused")
		}
	}
}
