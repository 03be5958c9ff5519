package crawl

import (
	"context"
	"errors"
	"fmt"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
	"github.com/tarn-data/tarn/internal/tabular"
)

// CreateClassifier adds a classifier. Errors: ErrExists, ErrBadInput.
func (s *Service) CreateClassifier(ctx context.Context, scope ident.Scope, c Classifier) error {
	if err := c.check(); err != nil {
		return err
	}
	c.Created = s.opts.Clock.Now()
	c.Updated, c.Version = c.Created, 1
	var b kv.Batch
	k := classifierKey(scope, c.Name)
	b.IfAbsent(k)
	kv.Put(&b, k, c)
	err := kv.Commit(ctx, s.opts.Store, &b)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: Classifier with name %s already exists", ErrExists, c.Name)
	}
	return err
}

// Classifier returns a classifier or ErrNotFound.
func (s *Service) Classifier(ctx context.Context, scope ident.Scope, name string) (Classifier, error) {
	c, err := kv.Load[Classifier](ctx, s.opts.Store, classifierKey(scope, name))
	if errors.Is(err, kv.ErrNotFound) {
		return Classifier{}, fmt.Errorf("%w: Classifier entry with name %s does not exist", ErrNotFound, name)
	}
	return c, err
}

// Classifiers lists classifiers by name.
func (s *Service) Classifiers(ctx context.Context, scope ident.Scope, after string, limit int) (list []Classifier, more bool, err error) {
	rng := kv.Prefix(under(scope, "classifier"))
	if after != "" {
		rng.Lo = classifierKey(scope, after).End()
	}
	list, next, err := kv.LoadAll[Classifier](ctx, s.opts.Store, rng, limit)
	return list, next != nil, err
}

// UpdateClassifier changes a classifier.
func (s *Service) UpdateClassifier(ctx context.Context, scope ident.Scope, name string, edit func(*Classifier)) error {
	return s.step(ctx, func(b *kv.Batch) error {
		c, err := s.Classifier(ctx, scope, name)
		if err != nil {
			return err
		}
		edit(&c)
		if err := c.check(); err != nil {
			return err
		}
		c.Updated = s.opts.Clock.Now()
		c.Version++
		kv.Put(b, classifierKey(scope, name), c)
		return nil
	})
}

// DeleteClassifier removes a classifier.
func (s *Service) DeleteClassifier(ctx context.Context, scope ident.Scope, name string) error {
	if _, err := s.Classifier(ctx, scope, name); err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(classifierKey(scope, name))
	return kv.Commit(ctx, s.opts.Store, &b)
}

func (s *Service) checkClassifiers(ctx context.Context, scope ident.Scope, names []string) error {
	for _, n := range names {
		if _, err := s.Classifier(ctx, scope, n); err != nil {
			return err
		}
	}
	return nil
}

func (c Classifier) check() error {
	switch {
	case c.Name == "":
		return fmt.Errorf("%w: a classifier needs a name", ErrBadInput)
	case c.Kind == "csv" && (len(c.Delimiter) > 1 || len(c.Quote) > 1):
		return fmt.Errorf("%w: delimiter %q and quote symbol %q: want one character each", ErrBadInput, c.Delimiter, c.Quote)
	case c.Kind == "csv" && c.Delimiter != "" && c.Delimiter == c.Quote:
		return fmt.Errorf("%w: delimiter and quote symbol are the same: %q", ErrBadInput, c.Quote)
	case c.Kind == "csv" && c.CustomEnabled:
		return fmt.Errorf("%w: custom datatypes of a CSV classifier are not supported", ErrBadInput)
	case c.Kind == "json" && c.JSONPath != "$" && c.JSONPath != "$[*]" && c.JSONPath != "":
		return fmt.Errorf("%w: JSON path %q is not supported: want $ or $[*]", ErrBadInput, c.JSONPath)
	case c.Kind != "csv" && c.Kind != "json":
		return fmt.Errorf("%w: %s classifiers are not supported: want csv or json", ErrBadInput, c.Kind)
	}
	for _, h := range c.Header {
		if h == "" {
			return fmt.Errorf("%w: a column of the header has no name", ErrBadInput)
		}
	}
	return nil
}

// rules turns a CSV classifier into what the sniffer looks for.
func (c Classifier) rules() tabular.CSVRules {
	r := tabular.CSVRules{Names: c.Header, KeepSpace: c.KeepSpace, OneColumn: c.OneColumn}
	if c.Delimiter != "" {
		r.Delimiter = c.Delimiter[0]
	}
	if c.Quote != "" {
		r.Quote = c.Quote[0]
	}
	switch c.HasHeader {
	case "PRESENT":
		yes := true
		r.Header = &yes
	case "ABSENT":
		no := false
		r.Header = &no
	}
	return r
}

func classifierKey(s ident.Scope, name string) key.Key { return under(s, "classifier").Str(name) }
