package sfnapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

func TestTableFitsTheModel(t *testing.T) {
	if err := New(Options{}).Check(); err != nil {
		t.Fatal(err)
	}
}

// Every error that the engine exports has its answer.
func TestErrorTableIsComplete(t *testing.T) {
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "../../workflow/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") {
			if !strings.Contains(string(source), "workflow."+spec.Names[0].Name+",") {
				t.Errorf("errors.go lacks workflow.%s", spec.Names[0].Name)
			}
		}
		return true
	})
}

// Whoever gives a role to Step Functions must be allowed to pass it, also to try out a state.
func TestRolesArePassed(t *testing.T) {
	role := "arn:aws:iam::123456789012:role/r"
	reveal := true
	for op, in := range map[string]any{
		"CreateStateMachine": &CreateStateMachineInput{RoleArn: role}, "UpdateStateMachine": &UpdateStateMachineInput{RoleArn: &role}, "TestState": &TestStateInput{RoleArn: &role, RevealSecrets: &reveal},
	} {
		var asked []string
		for _, o := range New(Options{}).Ops {
			if o.Name == op {
				for _, a := range o.Further(nil, in) {
					asked = append(asked, a.Action+" "+a.Resource)
				}
			}
		}
		if len(asked) == 0 || asked[0] != "iam:PassRole "+role {
			t.Errorf("%s asks %q", op, asked)
		}
	}
}
