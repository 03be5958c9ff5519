package awsgen_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/aws/awsgen"
	"github.com/tarn-data/tarn/internal/aws/model"
)

const root = "../../.."

// TestCommittedOutputsAreGenerated derives the types and pages anew from the committed models: whoever edits one by
// hand, or support.txt without running `make generate`, is told so without a network.
func TestCommittedOutputsAreGenerated(t *testing.T) {
	list, err := awsgen.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no services found")
	}
	for _, s := range list {
		t.Run(s.Package, func(t *testing.T) {
			z, err := os.ReadFile(filepath.Join(s.Dir, "model_gen.json.gz"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.ParseGzip(z)
			if err != nil {
				t.Fatal(err)
			}
			types, err := awsgen.Types(s.Package, m)
			if err != nil {
				t.Fatal(err)
			}
			same(t, filepath.Join(s.Dir, "types_gen.go"), types)
			same(t, filepath.Join(root, "docs/api", s.DocName()), awsgen.Page(m, s.Support))
			var served []string
			for n, op := range m.Ops {
				if !op.Unserved {
					served = append(served, n)
				}
			}
			slices.Sort(served)
			if d := cmp.Diff(s.Support.Ops, served); d != "" {
				t.Errorf("operations of support.txt and of the committed model differ: run `make generate`\n%s", d)
			}
			refused := 0
			for _, sh := range m.Shapes {
				for _, mm := range sh.Members {
					if mm.Support != model.Served {
						refused++
					}
				}
				if sh.Pattern != nil {
					if err := sh.Pattern.Compile(); err != nil {
						t.Errorf("shape %s: %v", sh.Name, err)
					}
				}
			}
			if want := len(s.Support.Members); refused != want {
				t.Errorf("the committed model refuses or ignores %d members and support.txt %d: run `make generate`", refused, want)
			}
		})
	}
}

func same(t *testing.T, file string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the generator makes of the committed model: run `make generate`", file)
	}
}

func TestParseSupport(t *testing.T) {
	s, err := awsgen.ParseSupport("# c\nservice lambda\nquery 1.31.80\nInvoke\n- Invoke.Qualifier aliases come later\n~ FunctionCode.ImageUri\nCreateFunction\n")
	if err != nil {
		t.Fatal(err)
	}
	want := &awsgen.Support{
		Service: "lambda", QueryRef: "1.31.80", Ops: []string{"CreateFunction", "Invoke"},
		Members: []awsgen.MemberRule{{Path: []string{"Invoke", "Qualifier"}, Reason: "aliases come later"}, {Ignored: true, Path: []string{"FunctionCode", "ImageUri"}}},
	}
	if d := cmp.Diff(want, s); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "service x", "service x\nA B", "service x\nA\nA", "service x\nA\n- Member"} {
		if _, err := awsgen.ParseSupport(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
