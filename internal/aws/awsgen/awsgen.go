// Package awsgen makes the Go types, the pruned model and the reference page of each AWS service that Tarn serves.
//
// Its inputs are botocore's models (Apache-2.0; not committed) and internal/aws/<svc>api/support.txt, which is written by
// hand and says what is served (see Support). Its outputs are committed:
//
//	internal/aws/<svc>api/model_gen.json.gz   the model without documentation, cut down to the operations served
//	internal/aws/<svc>api/types_gen.go        structs, enums and error codes, with the model's own names
//	docs/api/<svc>.md                         operations served, members refused and ignored
//
// A member that is refused or ignored stays in the model and has no field in the struct: a handler cannot forget what
// it cannot see, and the codec can name what it refuses.
//
// Prune needs botocore. Types and Page need the pruned model only, so that a test without a network can tell whether
// what is committed was edited by hand.
package awsgen

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// Service is a package of internal/aws that has a support.txt.
type Service struct {
	Package string // "lambdaapi"
	Dir     string // internal/aws/lambdaapi
	Support *Support
}

// Find lists the services below root, the root of the repository.
func Find(root string) ([]Service, error) {
	files, err := filepath.Glob(filepath.Join(root, "internal/aws/*/support.txt"))
	if err != nil {
		return nil, fmt.Errorf("find support files: %w", err)
	}
	var list []Service
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read support file: %w", err)
		}
		s, err := ParseSupport(string(b))
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", f, err)
		}
		dir := filepath.Dir(f)
		list = append(list, Service{Package: filepath.Base(dir), Dir: dir, Support: s})
	}
	return list, nil
}

// DocName is the name of the service's page in docs/api.
func (s Service) DocName() string { return strings.TrimSuffix(s.Package, "api") + ".md" }

// Generate reads botocore's models and writes the outputs of s below root.
func Generate(root string, s Service, models *Models) error {
	pruned, err := Prune(models, s.Support)
	if err != nil {
		return fmt.Errorf("prune model of %s: %w", s.Package, err)
	}
	packed, err := pack(pruned)
	if err != nil {
		return fmt.Errorf("compress model of %s: %w", s.Package, err)
	}
	m, err := model.Parse(pruned)
	if err != nil {
		return fmt.Errorf("parse pruned model of %s: %w", s.Package, err)
	}
	types, err := Types(s.Package, m)
	if err != nil {
		return fmt.Errorf("write types of %s: %w", s.Package, err)
	}
	docs := filepath.Join(root, "docs/api")
	if err := os.MkdirAll(docs, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", docs, err)
	}
	for name, data := range map[string][]byte{
		filepath.Join(s.Dir, "model_gen.json.gz"): packed,
		filepath.Join(s.Dir, "types_gen.go"):      types,
		filepath.Join(docs, s.DocName()):          Page(m, s.Support),
	} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// Model writes only the pruned model of a support file, for tests that must not change with what is served.
func Model(supportFile, out string, models *Models) error {
	b, err := os.ReadFile(supportFile)
	if err != nil {
		return fmt.Errorf("read support file: %w", err)
	}
	s, err := ParseSupport(string(b))
	if err != nil {
		return fmt.Errorf("parse %s: %w", supportFile, err)
	}
	pruned, err := Prune(models, s)
	if err != nil {
		return fmt.Errorf("prune model of %s: %w", s.Service, err)
	}
	packed, err := pack(pruned)
	if err != nil {
		return fmt.Errorf("compress model of %s: %w", s.Service, err)
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return nil
}

func pack(b []byte) ([]byte, error) {
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return z.Bytes(), nil
}
