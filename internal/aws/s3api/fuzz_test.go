package s3api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/s3api"
	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/objstore"
)

// FuzzDocuments sends documents to every operation that takes one, and then reads back what was accepted: nothing may be
// answered with an internal error.
func FuzzDocuments(f *testing.F) {
	quiet := slog.New(slog.DiscardHandler)
	blobs, err := fileblob.Open(f.Context(), fileblob.Options{Dir: f.TempDir(), Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	store, err := objstore.Open(f.Context(), objstore.Options{KV: kvtest.New(f), Blobs: blobs, Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet})
	reg.Add(s3api.New(s3api.Options{Store: store}))
	g := gateway.New(gateway.Options{Registry: reg, Identity: oneKey{}, Insecure: true, Logger: quiet})
	do := func(method, path, body string) int {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code
	}
	do("PUT", "/bkt", "")
	do("PUT", "/bkt/k", "x")
	targets := []string{"/bkt?cors", "/bkt?lifecycle", "/bkt?notification", "/bkt?tagging", "/bkt/k?tagging", "/bkt?versioning", "/bkt?encryption", "/bkt?publicAccessBlock", "/bkt?ownershipControls", "/bkt?policy", "/bkt?acl", "/bkt?delete", "/bkt/k?uploadId=x"}
	for i, doc := range []string{
		"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
		"<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><And><Prefix>p</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
		"<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:us-east-1:000000000000:function:f</CloudFunction><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>x</Value></FilterRule></S3Key></Filter></CloudFunctionConfiguration></NotificationConfiguration>",
		"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
		`<!DOCTYPE x [<!ENTITY a "b">]><Tagging>&a;</Tagging>`,
		"<Delete><Object><Key>none</Key></Object></Delete>",
	} {
		f.Add(uint8(i), doc)
	}
	f.Fuzz(func(t *testing.T, target uint8, doc string) {
		path := targets[int(target)%len(targets)]
		method := http.MethodPut
		if strings.HasSuffix(path, "?delete") || strings.Contains(path, "uploadId") {
			method = http.MethodPost
		}
		if code := do(method, path, doc); code >= 500 && code != http.StatusNotImplemented {
			t.Fatalf("%s %s with %q = %d", method, path, doc, code)
		}
		if method == http.MethodPut {
			if code := do(http.MethodGet, path, ""); code >= 500 {
				t.Fatalf("GET %s after %q = %d", path, doc, code)
			}
		}
	})
}
