package protocol

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the goldens")

type captured struct {
	Service, Method, URL string
	Headers              map[string]string
	Body                 []byte
}

func loadCaptured(t testing.TB) []captured {
	t.Helper()
	b, err := os.ReadFile("testdata/requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []captured
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (c captured) request(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest(c.Method, c.URL, bytes.NewReader(c.Body))
	for k, v := range c.Headers {
		r.Header.Set(k, v)
	}
	return r
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

var rootCall = Call{Principal: policy.Principal{Account: "000000000000", ARN: "arn:aws:iam::000000000000:root", Root: true}, RequestID: "test-request"}

// exchange serves a request as the gateway does.
func exchange(t testing.TB, g *Registry, s *Service, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	c := rootCall
	c.Header = http.Header{}
	var body []byte
	form := url.Values{}
	if s.NeedsForm(r) {
		body, _ = io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(body))
	}
	target, e := s.Locate(r, r.URL.EscapedPath(), form)
	if e != nil {
		s.Fail(t.Context(), w, r, &c, e)
		return w
	}
	if body == nil && !target.Streams() {
		body, _ = io.ReadAll(r.Body)
	}
	g.Serve(t.Context(), w, r, target, &c, body)
	return w
}

// TestRequestsOfBoto3 decodes what boto3 sends and compares it, in the form of Invoke, with the golden.
func TestRequestsOfBoto3(t *testing.T) {
	var got strings.Builder
	g := NewRegistry(Options{Logger: quiet})
	services := map[string]*Service{}
	seen := ""
	for _, c := range loadCaptured(t) {
		pkg := map[string]string{"stepfunctions": "sfn"}[c.Service]
		if pkg == "" {
			pkg = c.Service
		}
		s := services[pkg]
		if s == nil {
			s = testService(t, pkg+"api", func(op string, in reflect.Value, p *plan) (string, error) {
				seen = op + " {}"
				if p != nil {
					seen = op + " " + string(jsonEnc{loose: true}.append(nil, p, nil, in))
				}
				return "", nil
			})
			services[pkg] = s
			g.Add(s)
		}
		seen = "nothing"
		w := exchange(t, g, s, c.request(t))
		fmt.Fprintf(&got, "%s %s %d\n\t%s\n", c.Method, strings.TrimPrefix(c.URL, "http://127.0.0.1:4566"), w.Code, mask(seen))
		if w.Code >= 300 {
			fmt.Fprintf(&got, "\t%s\n", w.Body)
		}
	}
	golden(t, "testdata/requests.golden", got.String())
}

// mask hides what the codec makes up.
func mask(s string) string {
	for _, name := range []string{`"ClientToken":"`, `"ClientRequestToken":"`} {
		if i := strings.Index(s, name); i >= 0 {
			j := i + len(name)
			s = s[:j] + "…" + s[j+strings.Index(s[j:], `"`):]
		}
	}
	return s
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got); run with -update if it is right:\n%s", file, d)
	}
}

// UnmarshalJSON reads the base64 of the capture.
func (c *captured) UnmarshalJSON(b []byte) error {
	type plain captured
	var x struct {
		*plain
		Body string
	}
	x.plain = (*plain)(c)
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	var err error
	c.Body, err = base64.StdEncoding.DecodeString(x.Body)
	return err
}
