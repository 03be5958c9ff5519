package s3api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) putBucketCors(ctx context.Context, c *call, in *PutBucketCorsRequest) (*none, error) {
	if in.CORSConfiguration == nil {
		return nil, malformed()
	}
	var rules []objstore.CORSRule
	for _, r := range in.CORSConfiguration.CORSRules {
		rules = append(rules, objstore.CORSRule{ID: str(r.ID), Origins: r.AllowedOrigins, Methods: r.AllowedMethods, Headers: r.AllowedHeaders, ExposeHeaders: r.ExposeHeaders, MaxAgeSeconds: r.MaxAgeSeconds})
	}
	if err := objstore.CheckCORS(rules); err != nil {
		return nil, err
	}
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.CORS = rules; return nil })
}

func (a *api) getBucketCors(_ context.Context, c *call, _ *GetBucketCorsRequest) (*GetBucketCorsOutput, error) {
	if len(c.bk.CORS) == 0 {
		return nil, absent("NoSuchCORSConfiguration", "The CORS configuration does not exist")
	}
	out := &GetBucketCorsOutput{}
	for i := range c.bk.CORS {
		r := &c.bk.CORS[i]
		out.CORSRules = append(out.CORSRules, CORSRule{ID: opt(r.ID), AllowedOrigins: r.Origins, AllowedMethods: r.Methods, AllowedHeaders: r.Headers, ExposeHeaders: r.ExposeHeaders, MaxAgeSeconds: r.MaxAgeSeconds})
	}
	return out, nil
}

func (a *api) deleteBucketCors(ctx context.Context, c *call, _ *DeleteBucketCorsRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.CORS = nil; return nil })
}

// preflight answers a browser's question before a request from another origin.
func (a *api) preflight(w http.ResponseWriter, r *http.Request) {
	origin, method := r.Header.Get("Origin"), r.Header.Get("Access-Control-Request-Method")
	refuse := func(status int, code, message, more string) {
		h := w.Header()
		h.Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message + "</Message>" + more +
			"<RequestId>" + h.Get("X-Amz-Request-Id") + "</RequestId><HostId>" + h.Get("X-Amz-Id-2") + "</HostId></Error>"))
	}
	forbid := func(why, kind string) {
		asked := method
		if asked == "" {
			asked = http.MethodOptions
		}
		refuse(http.StatusForbidden, "AccessForbidden", "CORSResponse: "+why, "<Method>"+strings.Map(printable, asked)+"</Method><ResourceType>"+kind+"</ResourceType>")
	}
	if origin == "" {
		refuse(http.StatusBadRequest, "BadRequest", "Insufficient information. Origin request header needed.", "")
		return
	}
	bucket, key := objectOf(r)
	bk, err := a.store.Bucket(r.Context(), bucket)
	if err != nil {
		forbid("Bucket not found", "BUCKET")
		return
	}
	if len(bk.CORS) == 0 {
		forbid("CORS is not enabled for this bucket.", "BUCKET")
		return
	}
	switch method {
	case "GET", "PUT", "HEAD", "POST", "DELETE":
	case "":
		refuse(http.StatusBadRequest, "BadRequest", "Invalid Access-Control-Request-Method: null", "")
		return
	default:
		refuse(http.StatusBadRequest, "BadRequest", "Invalid Access-Control-Request-Method: "+strings.Map(printable, method), "")
		return
	}
	headers := askedHeaders(r)
	rule := bk.MatchCORS(origin, method, headers)
	if rule == nil {
		forbid("This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.", resourceType(bucket, key))
		return
	}
	allow(w.Header(), rule, origin)
	if len(headers) > 0 {
		w.Header().Set("Access-Control-Allow-Headers", strings.ToLower(strings.Join(headers, ", ")))
	}
	w.WriteHeader(http.StatusOK)
}

// askedHeaders returns what Access-Control-Request-Headers names.
func askedHeaders(r *http.Request) (list []string) {
	if h := r.Header.Get("Access-Control-Request-Headers"); h != "" {
		for name := range strings.SplitSeq(h, ",") {
			list = append(list, strings.TrimSpace(name))
		}
	}
	return list
}

// printable drops what has a meaning in XML.
func printable(r rune) rune {
	if r < ' ' || strings.ContainsRune("<>&\"'", r) {
		return -1
	}
	return r
}

func allow(h http.Header, rule *objstore.CORSRule, origin string) {
	if len(rule.Origins) == 1 && rule.Origins[0] == "*" {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(rule.Methods, ", "))
	if len(rule.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(rule.ExposeHeaders, ", "))
	}
	if rule.MaxAgeSeconds != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(*rule.MaxAgeSeconds)))
	}
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}

// cors adds the headers that let a page of another origin read the answer.
func (a *api) cors(h http.Header, bk *objstore.Bucket, r *http.Request) {
	if len(bk.CORS) == 0 {
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		method := r.Method
		if asked := r.Header.Get("Access-Control-Request-Method"); asked != "" {
			method = asked // S3 believes it outside preflights too
		}
		if rule := bk.MatchCORS(origin, method, askedHeaders(r)); rule != nil {
			allow(h, rule, origin)
		}
	}
}

// decorate does it for all answers that the codec writes.
func (a *api) decorate(ctx context.Context, c *protocol.Call, h http.Header) {
	if c.HTTP == nil || c.HTTP.Header.Get("Origin") == "" {
		return
	}
	if bk, err := a.store.Bucket(ctx, bucketOf(c.HTTP)); err == nil {
		a.cors(h, bk, c.HTTP)
	}
}
