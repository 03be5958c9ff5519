package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// find sets the service of a request and returns its path, with the bucket in front where the host names it.
func (g *Gateway) find(ctx context.Context, x *exchange) (string, *protocol.Error) {
	r, reg := x.r, g.o.Registry
	path := r.URL.EscapedPath()
	host := hostService(reg, r.Host)
	switch {
	case x.claim != nil:
		x.service = reg.Service(x.claim.Service)
	case r.Header.Get("X-Amz-Target") != "":
		prefix, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		x.service = reg.ByTarget(prefix)
	case host != nil:
		x.service = host
	case sigv4.HostBucket(r.Host) != "":
		x.service = reg.Service("s3")
	case isForm(r):
		x.service = reg.Service("sts") // speaks the protocol, should the form be refused
		if x.service == nil {
			return path, nil
		}
		if e := g.readForm(ctx, x); e != nil {
			return path, e
		}
		x.service = reg.ByVersion(x.form.Get("Version"), x.form.Get("Action"))
	default:
		x.service = g.byPath(r, path)
	}
	if x.service != nil && x.service.Name == "s3" && host == nil {
		if bucket := sigv4.HostBucket(r.Host); bucket != "" {
			path = "/" + bucket + path
		}
	}
	return path, nil
}

// hostService returns the service whose endpoint a host is: sqs.us-east-1.amazonaws.com, sqs.localhost.
func hostService(reg *protocol.Registry, host string) *protocol.Service {
	first, rest, ok := strings.Cut(strings.ToLower(host), ".")
	if !ok || !strings.Contains(rest, "localhost") && !strings.Contains(rest, "amazonaws.com") {
		return nil
	}
	return reg.Service(first)
}

func isForm(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") ||
		strings.Contains(r.URL.RawQuery, "Action=")
}

// byPath finds the REST service that has an operation at a path; S3, which has one at every path, comes last.
func (g *Gateway) byPath(r *http.Request, path string) *protocol.Service {
	for _, s := range g.o.Registry.Services() {
		if s.Name != "s3" && s.Wire(r) == "rest-json" {
			if _, e := s.Locate(r, path, nil); e == nil {
				return s
			}
		}
	}
	return g.o.Registry.Service("s3")
}
