package gateway

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/policy"
)

// Limits of a form before its file, those of S3.
const (
	maxFormBytes  = 20 << 10
	maxFormFields = 200
)

// uploadForm returns the boundary of a form that a browser uploads a file with.
func (x *exchange) uploadForm() (boundary string, ok bool) {
	if x.r.Method != http.MethodPost || x.service.Form == nil || x.claim != nil || x.r.URL.RawQuery != "" {
		return "", false
	}
	kind, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return "", false
	}
	if err != nil {
		return "", true // refused as not well-formed
	}
	return params["boundary"], true
}

// serveForm reads the fields of a form, checks who signed it and hands it on; the file is read by the handler.
func (g *Gateway) serveForm(ctx context.Context, x *exchange, boundary string) {
	x.call.Operation = "PostObject"
	form, e := readFields(multipart.NewReader(x.r.Body, boundary), boundary)
	if e == nil {
		e = g.authenticateForm(ctx, x, form)
	}
	if e != nil {
		x.fail(ctx, e)
		return
	}
	g.o.Registry.ServeForm(ctx, x.w, x.r, x.service, x.call.Operation, &x.call, form)
}

func malformedForm() *protocol.Error {
	return &protocol.Error{Code: "MalformedPOSTRequest", Status: http.StatusBadRequest, Message: "The body of your POST request is not well-formed multipart/form-data."}
}

// readFields reads a form up to its file.
func readFields(r *multipart.Reader, boundary string) (*protocol.Form, *protocol.Error) {
	if boundary == "" {
		return nil, malformedForm()
	}
	form, room := &protocol.Form{}, int64(maxFormBytes)
	for {
		part, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // multipart returns it bare
			return form, nil
		}
		if err != nil {
			return nil, malformedForm()
		}
		name := part.FormName()
		if strings.EqualFold(name, "file") {
			form.File, form.FileName = part, fileName(part)
			return form, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, room+1))
		if err != nil {
			return nil, malformedForm()
		}
		if room -= int64(len(name) + len(value)); room < 0 || len(form.Fields) == maxFormFields {
			return nil, &protocol.Error{Code: "MaxPostPreDataLengthExceeded", Status: http.StatusBadRequest, Message: "Your POST request fields preceding the upload file were too large."}
		}
		form.Fields = append(form.Fields, protocol.FormField{Name: name, Value: string(value)})
	}
}

// fileName is what follows the last slash or backslash of the name that the browser gives.
func fileName(p *multipart.Part) string {
	_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	name := params["filename"]
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// authenticateForm sets the principal of a form by its signature.
func (g *Gateway) authenticateForm(ctx context.Context, x *exchange, form *protocol.Form) *protocol.Error {
	claim, err := sigv4.ParseForm(form.Get)
	if claim != nil && claim.Region != "" {
		x.call.Region = claim.Region
	}
	switch {
	case g.o.Insecure:
		x.call.Principal, form.Signed = policy.Root(g.o.Account), form.Get("policy") != ""
		return nil
	case errors.Is(err, sigv4.ErrMissing):
		x.call.Principal = anonymous // a bucket's policy may let anybody in
		return nil
	case err != nil:
		return g.refuse(x, err)
	}
	x.claim = claim
	cred, err := g.o.Identity.Resolve(ctx, claim.AccessKeyID, claim.Token)
	if err != nil {
		return g.refuse(x, err)
	}
	if err := g.verifier.VerifyForm(claim, cred.Secret, form.Get("policy")); err != nil {
		return g.refuse(x, err)
	}
	x.call.Principal, x.call.Account, form.Signed = cred.Principal, cred.Principal.Account, true
	return nil
}
