package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// serve starts a real server. It returns its address and a function that stops it, which waits for requests under way,
// and returns what it has logged of each.
func serve(t *testing.T) (addr string, stop func() string) {
	t.Helper()
	e, err := identity.Open(t.Context(), identity.Options{Store: kvtest.New(t), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet})
	reg.Add(services()...)
	access := &bytes.Buffer{}
	internal := http.NewServeMux()
	internal.HandleFunc("GET /_tarn/health", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	s := httptest.NewServer(gateway.New(gateway.Options{Registry: reg, Identity: fixed{e}, Logger: quiet, Internal: internal, Access: slog.New(slog.NewTextHandler(access, nil))}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), func() string { s.Close(); return access.String() }
}

// talk sends raw bytes and returns the status lines that come back before the server waits or closes.
func talk(t *testing.T, addr, text string) []string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if strings.HasPrefix(line, "HTTP/1.") {
			lines = append(lines, strings.TrimSpace(line[9:]))
			if !strings.HasPrefix(line[9:], "100") {
				return lines
			}
			// The client now sends what it promised.
			if _, err := c.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			return lines
		}
	}
}

func TestExpectContinue(t *testing.T) {
	addr, _ := serve(t)
	put := func(secret, key string, length int) []string {
		r := httptest.NewRequest("PUT", "http://"+addr+"/lake/"+key, nil)
		sigv4.Sign(r, sigv4.Credential{AccessKeyID: "AKIDEXAMPLE", Secret: secret}, "us-east-1", "s3", time.Now(), "UNSIGNED-PAYLOAD")
		var b strings.Builder
		fmt.Fprintf(&b, "PUT /lake/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", key, addr, length)
		for k, v := range r.Header {
			fmt.Fprintf(&b, "%s: %s\r\n", k, v[0])
		}
		return talk(t, addr, b.String()+"\r\n")
	}
	for _, c := range []struct {
		name, secret, key string
		length            int
		want              string
	}{
		{"right secret", secret, "k", 5, "100 Continue, 200 OK"},
		{"wrong secret", "wrong", "k", 5, "403 Forbidden"},
		// net/http sends no 100 for an empty body; botocore waits for it.
		{"empty", secret, "k", 0, "100 Continue, 200 OK"},
		// net/http reads up to 256 KiB of what a handler left, and asks for it, unless it knows the body for its own.
		{"refused by the operation", secret, "refused", 8 << 20, "404 Not Found"},
		{"small, refused by the operation", secret, "refused", 5, "404 Not Found"},
	} {
		if got := strings.Join(put(c.secret, c.key, c.length), ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSmuggling sends what two servers could read in two ways. None may be answered with success.
func TestSmuggling(t *testing.T) {
	addr, _ := serve(t)
	const tail = "\r\nAWS"
	for name, text := range map[string]string{
		"two lengths":          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n" + tail,
		"length and chunks":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two encodings":        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"unknown encoding":     "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n" + tail,
		"space in a name":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n" + tail,
		"folded header":        "GET / HTTP/1.1\r\nHost: x\r\nX-Amz-Date: a\r\n b\r\n" + tail,
		"two hosts":            "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n" + tail,
		"no host":              "GET / HTTP/1.1\r\n" + tail,
		"negative length":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n" + tail,
		"NUL in a header":      "GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n" + tail,
		"NUL in the path":      "GET /lake/a%00b HTTP/1.1\r\nHost: x\r\n" + tail,
		"bad escape":           "GET /lake/%zz HTTP/1.1\r\nHost: x\r\n" + tail,
		"absolute other host":  "GET http://evil/lake HTTP/1.1\r\nHost: x\r\n" + tail,
		"not HTTP":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"two authorisations":   "GET /lake HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n" + tail,
		"two targets":          "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\nX-Amz-Target: AWSStepFunctions.DeleteStateMachine\r\nContent-Length: 0\r\n" + tail,
		"method of its own":    "FOO /lake HTTP/1.1\r\nHost: x\r\n" + tail,
		"dot segments":         "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n" + tail,
		"internal by host":     "GET /lake/../_tarn/health HTTP/1.1\r\nHost: x\r\n" + tail,
		"large header":         "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 2<<20) + "\r\n" + tail,
		"trailing whitespaces": "GET / HTTP/1.1 \r\nHost: x\r\n" + tail,
	} {
		for _, status := range talk(t, addr, text) {
			if status[0] == '2' || status[0] == '5' {
				if name == "method of its own" && status[:3] == "501" {
					continue
				}
				if name == "unknown encoding" && status[:3] == "501" || name == "two encodings" && status[:3] == "501" {
					continue
				}
				t.Errorf("%s: %s", name, status)
			}
		}
	}
}

func TestInternalAndAccessLog(t *testing.T) {
	addr, stop := serve(t)
	get := func(path string) *http.Response {
		t.Helper()
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	if resp := get("/_tarn/health"); resp.StatusCode != 200 {
		t.Errorf("health: %d", resp.StatusCode)
	}
	id := get("/public/x").Header.Get("X-Amz-Request-Id")
	log := stop()
	for _, want := range []string{"service=s3", "operation=GetObject", "status=200", "bytes=8", "ip=127.0.0.1", "request=" + id} {
		if !strings.Contains(log, want) {
			t.Errorf("the access log lacks %s: %s", want, log)
		}
	}
	if len(id) != 16 || strings.Contains(log, "health") {
		t.Errorf("request id %q, log %s", id, log)
	}
}
