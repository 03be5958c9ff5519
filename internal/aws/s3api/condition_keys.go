package s3api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
)

// conditionHeaders are the headers of requests that policies may ask about, by their condition keys.
var conditionHeaders = map[string]string{
	"X-Amz-Acl":                                       "s3:x-amz-acl",
	"X-Amz-Content-Sha256":                            "s3:x-amz-content-sha256",
	"X-Amz-Copy-Source":                               "s3:x-amz-copy-source",
	"X-Amz-Grant-Full-Control":                        "s3:x-amz-grant-full-control",
	"X-Amz-Grant-Read":                                "s3:x-amz-grant-read",
	"X-Amz-Grant-Read-Acp":                            "s3:x-amz-grant-read-acp",
	"X-Amz-Grant-Write":                               "s3:x-amz-grant-write",
	"X-Amz-Grant-Write-Acp":                           "s3:x-amz-grant-write-acp",
	"X-Amz-Metadata-Directive":                        "s3:x-amz-metadata-directive",
	"X-Amz-Object-Ownership":                          "s3:x-amz-object-ownership",
	"X-Amz-Server-Side-Encryption":                    "s3:x-amz-server-side-encryption",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     "s3:x-amz-server-side-encryption-aws-kms-key-id",
	"X-Amz-Server-Side-Encryption-Customer-Algorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
	"X-Amz-Storage-Class":                             "s3:x-amz-storage-class",
	"X-Amz-Website-Redirect-Location":                 "s3:x-amz-website-redirect-location",
	"X-Amz-Object-Lock-Mode":                          "s3:object-lock-mode",
	"X-Amz-Object-Lock-Retain-Until-Date":             "s3:object-lock-retain-until-date",
	"X-Amz-Object-Lock-Legal-Hold":                    "s3:object-lock-legal-hold",
	"If-Match":                                        "s3:if-match",
	"If-None-Match":                                   "s3:if-none-match",
}

// conditionKeys sets the condition keys of S3: what the request says, who owns the bucket, and the tags of the object that
// is there.
func (a *api) conditionKeys(ctx context.Context, c *protocol.Call, q protocol.Access, keys policy.Keys) {
	bucket, key, ok := splitARN(q.Resource)
	if !ok {
		return
	}
	if bk, err := a.store.Bucket(ctx, bucket); err == nil {
		keys.Set("s3:ResourceAccount", bk.Account)
		keys.Set("aws:ResourceAccount", bk.Account)
	}
	if c.HTTP != nil {
		requestKeys(c.HTTP, a.clock.Now(), keys)
	}
	version, _ := askedVersion(c, bucket, key)
	if version != "" {
		keys.Set("s3:VersionId", version)
	}
	if key == "" {
		return
	}
	if o, err := a.store.Head(ctx, bucket, key, version); err == nil {
		for _, t := range o.Tags {
			keys.Set("s3:ExistingObjectTag/"+t.Key, t.Value)
		}
	}
}

func requestKeys(r *http.Request, now time.Time, keys policy.Keys) {
	for header, key := range conditionHeaders {
		if v := r.Header[header]; len(v) > 0 {
			keys.Set(key, v[0])
		}
	}
	if tags, err := parseTagging(r.Header.Get("X-Amz-Tagging")); err == nil {
		tagKeys(tags, keys)
	}
	query := r.URL.RawQuery
	switch auth := r.Header.Get("Authorization"); {
	case strings.HasPrefix(auth, "AWS4-"):
		keys.Set("s3:authType", "REST-HEADER")
		keys.Set("s3:signatureversion", "AWS4-HMAC-SHA256")
	case auth != "":
		keys.Set("s3:authType", "REST-HEADER")
		keys.Set("s3:signatureversion", "AWS")
	case strings.Contains(query, "X-Amz-Signature="):
		keys.Set("s3:authType", "REST-QUERY-STRING")
		keys.Set("s3:signatureversion", "AWS4-HMAC-SHA256")
		if t, err := time.Parse("20060102T150405Z", r.URL.Query().Get("X-Amz-Date")); err == nil {
			keys.Set("s3:signatureAge", strconv.FormatInt(now.Sub(t).Milliseconds(), 10))
		}
	case strings.Contains(query, "Signature="):
		keys.Set("s3:authType", "REST-QUERY-STRING")
		keys.Set("s3:signatureversion", "AWS")
	}
}

// tagKeys sets the keys for the tags that a request writes.
func tagKeys(tags []objstore.Tag, keys policy.Keys) {
	var names []string
	for _, t := range tags {
		keys.Set("s3:RequestObjectTag/"+t.Key, t.Value)
		names = append(names, t.Key)
	}
	if len(names) > 0 {
		keys.Set("s3:RequestObjectTagKeys", names...)
	}
}
