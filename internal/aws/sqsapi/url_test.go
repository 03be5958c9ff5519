package sqsapi

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
)

// TestPlainURL_AgreesWithURLParse holds the quick reading of a URL against the thorough one.
func TestPlainURL_AgreesWithURLParse(t *testing.T) {
	quick := 0
	for _, s := range []string{
		"http://127.0.0.1:4566/000000000000/jobs", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs.fifo", "http://host/123456789012/a-b_c",
		"http://host/queue/us-east-1/123456789012/jobs", "http://host/queue/jobs", "http://host/1/2/3", "http://host//jobs", "http://host/1/", "http://host/1/jobs?x=1",
		"http://host/1/jo%62s", "http://user@host/1/jobs", "http:///1/jobs", "jobs", "/1/jobs", "ftp://host/1/jobs", "http://[::1]:80/1/jobs", "http://host:x/1/jobs",
		"https//host/1/jobs", "httpss://host/1/jobs", "http://host/1/jo bs", "http://host/a:b/jobs",
	} {
		account, name, ok := plainURL(s)
		if !ok {
			continue
		}
		quick++
		u, err := url.Parse(s)
		if err != nil {
			if !strings.Contains(err.Error(), "port") { // which no queue's name depends on
				t.Errorf("%s: read as %s/%s, url.Parse: %v", s, account, name, err)
			}
			continue
		}
		if u.Path != "/"+account+"/"+name {
			t.Errorf("%s: read as %s/%s, url.Parse: path %s", s, account, name, u.Path)
		}
	}
	if quick < 3 {
		t.Errorf("%d URLs were read the quick way, want at least the usual three", quick)
	}
}

func BenchmarkParseURL(b *testing.B) {
	c := &protocol.Call{Scope: ident.Scope{Account: "000000000000", Region: "us-east-1"}}
	for b.Loop() {
		if _, err := parseURL(c, "http://127.0.0.1:4566/000000000000/cycle-1-1"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestValidID(t *testing.T) {
	for s, want := range map[string]bool{"": false, "a": true, "A-z_09": true, "a.b": false, "é": false, strings.Repeat("x", 80): true, strings.Repeat("x", 81): false} {
		if validID(s) != want {
			t.Errorf("validID(%q) = %t", s, !want)
		}
	}
}
