package protocol

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// Form is a form that a browser uploads a file with: S3's POST Object. Its fields came before the file; what follows the
// file is not read.
type Form struct {
	Fields   []FormField
	FileName string    // as the browser names it; without folders
	File     io.Reader // nil if the form has no file
	Signed   bool      // somebody known signed the policy
}

// FormField is a field, with its name as it was sent.
type FormField struct{ Name, Value string }

// Get returns the value of the first field of that name, in whatever case; "" if there is none.
func (f *Form) Get(name string) string {
	for i := range f.Fields {
		if strings.EqualFold(f.Fields[i].Name, name) {
			return f.Fields[i].Value
		}
	}
	return ""
}

// FormHandler serves a form. The principal has been authenticated; the handler asks for what it may do (Call.Allowed), and
// writes the answer. An error before the first byte is answered as the service's.
type FormHandler func(ctx context.Context, c *Call, f *Form, w http.ResponseWriter) error

// ServeForm hands a form to the service's handler, as Serve does with an operation of that name.
func (g *Registry) ServeForm(ctx context.Context, w *Recorder, r *http.Request, s *Service, operation string, c *Call, f *Form) {
	g.begin(s, &opRow{Op: Op{Name: operation}}, c)
	defer g.rescue(ctx, s, w, r, c)
	s.requestID(w.Header(), c)
	if err := s.Form(ctx, c, f, w); err != nil {
		e := g.failure(ctx, s, c, err)
		if w.Status != 0 {
			panic(http.ErrAbortHandler)
		}
		s.Fail(ctx, w, r, c, e)
	}
}
