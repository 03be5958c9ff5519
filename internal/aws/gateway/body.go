package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// readBody reads the whole body. What nobody has signed, or nobody who is known, is small; and all bodies in memory
// together are bounded, so that claiming a length costs the server nothing.
func (g *Gateway) readBody(ctx context.Context, x *exchange) *protocol.Error {
	n := x.r.ContentLength
	limit := g.o.MaxBody
	if n > smallBody || n < 0 {
		if e := g.knownSigner(ctx, x); e != nil {
			if x.claim != nil {
				return e
			}
			limit = smallBody
		}
	}
	if n > limit {
		return tooLarge(x, limit)
	}
	if n > smallBody || n < 0 && limit > smallBody {
		reserve := n
		if n < 0 {
			reserve = limit
		}
		if g.reserved.Add(reserve) > maxBodies {
			g.reserved.Add(-reserve)
			return x.service.Throttled()
		}
		x.reserved = reserve
	}
	var b []byte
	var err error
	if n >= 0 && n <= 64<<10 {
		b = make([]byte, n)
		_, err = io.ReadFull(x.r.Body, b)
	} else {
		b, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, limit))
	}
	if err != nil {
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return tooLarge(x, limit)
		}
		return &protocol.Error{Code: "IncompleteBody", Status: http.StatusBadRequest, Message: "The request body terminated unexpectedly"}
	}
	x.body = b
	return nil
}

// knownSigner checks that the key exists, which the signature is verified with later.
func (g *Gateway) knownSigner(ctx context.Context, x *exchange) *protocol.Error {
	switch {
	case g.o.Insecure:
		return nil
	case x.claim == nil:
		return g.refuse(x, sigv4.ErrMissing)
	}
	if _, err := g.o.Identity.Resolve(ctx, x.claim.AccessKeyID, x.claim.Token); err != nil {
		return g.refuse(x, err)
	}
	return nil
}

func tooLarge(x *exchange, limit int64) *protocol.Error {
	msg := fmt.Sprintf("The request body is larger than %d bytes.", limit)
	if x.service.Wire(x.r) == "rest-xml" {
		return &protocol.Error{Code: "MaxMessageLengthExceeded", Status: http.StatusBadRequest, Message: "Your request was too big."}
	}
	return &protocol.Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge, Message: msg}
}

func (g *Gateway) readForm(ctx context.Context, x *exchange) *protocol.Error {
	if e := g.readBody(ctx, x); e != nil {
		return e
	}
	form, err := url.ParseQuery(string(x.body))
	if err == nil {
		var q url.Values
		if q, err = url.ParseQuery(x.r.URL.RawQuery); err == nil {
			for k, vs := range q {
				if !form.Has(k) && !strings.HasPrefix(k, "X-Amz-") {
					form[k] = vs
				}
			}
		}
	}
	if err != nil {
		return &protocol.Error{Code: "MalformedQueryString", Status: http.StatusBadRequest, Message: "The query string contains a syntax error."}
	}
	x.form = form
	return nil
}
