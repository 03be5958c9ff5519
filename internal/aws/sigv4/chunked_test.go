package sigv4

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func FuzzBody(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"), int64(5))
	f.Add([]byte("0\r\n\r\n"), int64(0))
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), int64(4))
	f.Add([]byte("5;chunk-signature=x\r\nhello\r\n"), int64(-1))
	f.Fuzz(func(t *testing.T, b []byte, total int64) {
		r := httptest.NewRequest("PUT", "http://h/b/k", strings.NewReader(string(b)))
		if total >= 0 {
			r.Header.Set("X-Amz-Decoded-Content-Length", strconv.FormatInt(total, 10))
		}
		body, announced, err := NewBody(r)
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(body)
		if len(out) > len(b) {
			t.Errorf("%d bytes of %d", len(out), len(b))
		}
		if err == nil && total >= 0 && (announced != total || int64(len(out)) != total) {
			t.Errorf("%d bytes were accepted where %d were announced", len(out), total)
		}
	})
}

func TestHashedBody(t *testing.T) {
	f := func(hash, body string, ok bool) {
		t.Helper()
		r := httptest.NewRequest("PUT", "http://h/", strings.NewReader(body))
		rc, _, err := new(Verifier).Body(r, &Claim{PayloadHash: hash}, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(rc); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
	f(hexHash([]byte("abc")), "abc", true)
	f(strings.ToUpper(hexHash([]byte("abc"))), "abc", true)
	f(hexHash([]byte("abc")), "abd", false)
	f(UnsignedPayload, "abd", true)
	r := httptest.NewRequest("PUT", "http://h/", http.NoBody)
	if _, _, err := new(Verifier).Body(r, &Claim{PayloadHash: "STREAMING-OTHER"}, ""); err == nil {
		t.Error("an unknown way of streaming was accepted")
	}
}
