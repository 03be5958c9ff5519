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
	refuse := func(status int, code, message string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"))
	}
	if origin == "" {
		refuse(http.StatusBadRequest, "BadRequest", "Insufficient information. Origin request header needed.")
		return
	}
	switch method {
	case "GET", "PUT", "HEAD", "POST", "DELETE":
	case "":
		refuse(http.StatusBadRequest, "BadRequest", "Invalid Access-Control-Request-Method: null")
		return
	default:
		refuse(http.StatusBadRequest, "BadRequest", "Invalid Access-Control-Request-Method: "+strings.Map(printable, method))
		return
	}
	var headers []string
	if h := r.Header.Get("Access-Control-Request-Headers"); h != "" {
		headers = strings.Split(h, ",")
	}
	bk, err := a.store.Bucket(r.Context(), bucketOf(r))
	if err != nil {
		refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		return
	}
	if len(bk.CORS) == 0 {
		refuse(http.StatusForbidden, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
		return
	}
	rule := bk.MatchCORS(origin, method, headers)
	if rule == nil {
		refuse(http.StatusForbidden, "AccessForbidden", "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
		return
	}
	allow(w.Header(), rule, origin)
	if len(headers) > 0 {
		w.Header().Set("Access-Control-Allow-Headers", strings.ToLower(strings.Join(headers, ",")))
	}
	if rule.MaxAgeSeconds != nil {
		w.Header().Set("Access-Control-Max-Age", strconv.Itoa(int(*rule.MaxAgeSeconds)))
	}
	w.WriteHeader(http.StatusOK)
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
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}

// cors adds the headers that let a page of another origin read the answer.
func (a *api) cors(h http.Header, bk *objstore.Bucket, r *http.Request) {
	if len(bk.CORS) == 0 {
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if rule := bk.MatchCORS(origin, r.Method, nil); rule != nil {
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
