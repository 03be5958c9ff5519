package workflow

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// itemSource yields the items of a distributed Map.
type itemSource interface {
	// Next returns the next item with its index; ok is false at the end.
	Next(ctx context.Context) (v any, index int, ok bool, fail *TaskError)
	Close()
}

// listSource yields a list.
type listSource struct {
	items []any
	next  int
}

func (s *listSource) Next(context.Context) (any, int, bool, *TaskError) {
	if s.next >= len(s.items) {
		return nil, 0, false, nil
	}
	s.next++
	return s.items[s.next-1], s.next - 1, true, nil
}

func (s *listSource) Close() {}

// readSource yields what a function reads, one item ahead.
type readSource struct {
	read  func(ctx context.Context) (any, error) // io.EOF at the end
	close func()
	limit int64
	index int
	ahead any
	has   bool
	begun bool
	err   error
}

func (s *readSource) fill(ctx context.Context) {
	s.has = false
	if s.err != nil || s.limit > 0 && int64(s.index) >= s.limit {
		return
	}
	if s.ahead, s.err = s.read(ctx); s.err == nil {
		s.has = true
	}
}

func (s *readSource) Next(ctx context.Context) (any, int, bool, *TaskError) {
	if !s.begun {
		s.begun = true
		s.fill(ctx)
	}
	if !s.has {
		if s.err != nil && !errors.Is(s.err, io.EOF) {
			var te *taskFailure
			if errors.As(s.err, &te) {
				return nil, 0, false, te.TaskError
			}
			return nil, 0, false, &TaskError{Error: asl.ErrItemReader, Cause: s.err.Error()}
		}
		return nil, 0, false, nil
	}
	v, i := s.ahead, s.index
	s.index++
	s.fill(ctx)
	return v, i, true, nil
}

func (s *readSource) Close() {
	if s.close != nil {
		s.close()
	}
}

type taskFailure struct{ *TaskError }

func (t *taskFailure) Error() string { return t.TaskError.Error + ": " + t.Cause }

// source opens the items of a map run.
func (e *Engine) source(ctx context.Context, x *exec, start interp.MapStart) (itemSource, *TaskError) {
	if start.Reader == nil {
		return &listSource{items: start.Items}, nil
	}
	bad := func(format string, args ...any) (itemSource, *TaskError) {
		return nil, &TaskError{Error: asl.ErrItemReader, Cause: fmt.Sprintf(format, args...)}
	}
	if e.files == nil {
		return bad("No object store can be reached.")
	}
	params, _ := start.Reader.Parameters.(*jsonvalue.Object)
	if params == nil || params.Str("Bucket") == "" {
		return bad("The parameter 'Bucket' of the ItemReader is missing.")
	}
	f := &itemFiles{engine: e, role: FileRole{x.rec.Scope, x.rec.RoleARN, x.rec.ARN}, spec: start.Reader.Spec}
	if start.Reader.MaxItems < 0 {
		return bad("field MaxItems must be positive")
	}
	list := e.lister(f.role, params)
	var read func(context.Context) (any, error)
	var err error
	switch spec := f.spec; {
	case spec.Resource == listObjects && spec.Transform == "LOAD_AND_FLATTEN":
		read = f.chain(spec, listed(params.Str("Bucket"), list))
	case spec.InputType == "" || spec.Resource == listObjects:
		read = list
	case spec.InputType == "MANIFEST" || spec.Manifest != "":
		read, err = f.manifest(ctx, params)
	default:
		read, err = f.open(ctx, spec, params.Str("Bucket"), params.Str("Key"), params.Str("VersionId"))
	}
	if err != nil {
		f.close()
		var te *taskFailure
		if errors.As(err, &te) {
			return nil, te.TaskError
		}
		return bad("%s", err.Error())
	}
	return &readSource{read: read, close: f.close, limit: start.Reader.MaxItems}, nil
}

const listObjects = "arn:aws:states:::s3:listObjectsV2"

// lister yields the objects of a prefix, page by page.
func (e *Engine) lister(role FileRole, params *jsonvalue.Object) func(context.Context) (any, error) {
	var page []any
	next, done := "", false
	return func(ctx context.Context) (any, error) {
		for len(page) == 0 {
			if done {
				return nil, io.EOF
			}
			var fail *TaskError
			if page, next, fail = e.files.List(ctx, role, params.Str("Bucket"), params.Str("Prefix"), next, 1000); fail != nil {
				return nil, &taskFailure{&TaskError{Error: asl.ErrItemReader, Cause: fail.Cause}}
			}
			done = next == ""
		}
		v := page[0]
		page = page[1:]
		return v, nil
	}
}

var delimiters = map[string]rune{"": ',', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}

func csvReader(spec *asl.ItemReader, body io.Reader) (func(context.Context) (any, error), error) {
	r := csv.NewReader(bufio.NewReaderSize(body, 64<<10))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = delimiters[spec.Delimiter], -1, true, true
	headers := spec.Headers
	if spec.HeaderLoc != "GIVEN" {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("The CSV file has no headers.")
		}
		if err != nil {
			return nil, err
		}
		headers = append([]string(nil), row...)
		headers[0] = strings.TrimPrefix(headers[0], "\uFEFF")
	}
	seen := map[string]bool{}
	for _, h := range headers {
		if seen[h] {
			return nil, errors.New("CSV headers cannot contain duplicates.")
		}
		seen[h] = true
	}
	order := memberOrder(headers)
	return func(context.Context) (any, error) {
		row, err := r.Read()
		if err != nil {
			return nil, err
		}
		o := jsonvalue.NewObject()
		for _, i := range order {
			v := ""
			if i < len(row) {
				v = row[i]
			}
			o.Set(headers[i], v)
		}
		return o, nil
	}, nil
}

// jsonReader yields the entries of an array, or the members of an object, without holding the document.
func jsonReader(spec *asl.ItemReader, body *meteredFile) (func(context.Context) (any, error), error) {
	d := json.NewDecoder(bufio.NewReaderSize(body, 64<<10))
	notIterable := errors.New("Attempting to map over non-iterable node.")
	for _, name := range strings.Split(strings.Trim(spec.Pointer, "/"), "/") {
		if name == "" {
			continue
		}
		if err := descend(d, body.item, strings.NewReplacer("~1", "/", "~0", "~").Replace(name)); err != nil {
			return nil, notIterable
		}
	}
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("The file is not valid JSON: %w", err)
	}
	switch t {
	case json.Delim('['):
		return func(context.Context) (any, error) {
			if !d.More() {
				return nil, io.EOF
			}
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return nil, err
			}
			return jsonvalue.Parse(string(raw))
		}, nil
	case json.Delim('{'):
		return func(context.Context) (any, error) {
			if !d.More() {
				return nil, io.EOF
			}
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return nil, err
			}
			v, err := jsonvalue.Parse(string(raw))
			if err != nil {
				return nil, err
			}
			return jsonvalue.NewObject("Key", k.(string), "Value", v), nil
		}, nil
	}
	return nil, notIterable
}

// descend moves to the member of an object or the entry of an array. What it passes by is read token by token, each announced.
func descend(d *json.Decoder, next func(), name string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	for i := 0; d.More(); i++ {
		key := strconv.Itoa(i)
		if t == json.Delim('{') {
			k, err := d.Token()
			if err != nil {
				return err
			}
			key = k.(string)
		}
		if key == name {
			return nil
		}
		if err := pass(d, next); err != nil {
			return err
		}
	}
	return errors.New("no such member")
}

// pass reads a value that is not wanted.
func pass(d *json.Decoder, next func()) error {
	for depth := 0; ; {
		next()
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func jsonLines(body io.Reader) func(context.Context) (any, error) {
	r := bufio.NewReaderSize(body, 64<<10)
	return func(context.Context) (any, error) {
		for {
			line, err := r.ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			if text := strings.TrimSpace(line); text != "" {
				return jsonvalue.Parse(text)
			}
			if err != nil {
				return nil, err
			}
		}
	}
}
