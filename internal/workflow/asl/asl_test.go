package asl

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// state puts the definition of a state A into a machine.
func state(a string) string {
	return `{"StartAt":"0","States":{"0":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"A"}],"Default":"Z"},"A":` + a + `,"Z":{"Type":"Succeed"}}}`
}

// TestBroken reads testdata/broken.txt: lines that start with "S " hold the state A of a machine, those with "M " a
// machine, those with "X " an Express machine. What is wrong with it follows.
func TestBroken(t *testing.T) {
	file, err := os.Open("testdata/broken.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var got, want strings.Builder
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		fmt.Fprintln(&want, line)
		kind, text, ok := strings.Cut(line, " ")
		if !ok || len(kind) != 1 || !strings.Contains("SMX", kind) {
			if strings.HasPrefix(line, "#") || line == "" {
				fmt.Fprintln(&got, line)
			}
			continue
		}
		n++
		fmt.Fprintln(&got, line)
		if kind == "S" {
			text = state(text)
		}
		_, _, err := Parse(text, Options{Express: kind == "X"})
		var bad *InvalidError
		if !errors.As(err, &bad) {
			t.Errorf("is not refused: %s", text)
			continue
		}
		for _, d := range bad.Diagnostics {
			fmt.Fprintf(&got, "  %s %s %s (%d:%d)\n", d.Severity, d.Code, strings.ReplaceAll(d.Message, "\n", "\\n"), d.Line, d.Column)
		}
	}
	if n < 100 {
		t.Errorf("only %d broken definitions", n)
	}
	if *update {
		if err := os.WriteFile("testdata/broken.txt", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want.String(), got.String()); d != "" {
		t.Errorf("(-want +got); run with -update if it is right:\n%s", d)
	}
}

// eval evaluates a Parameters template over an input.
func eval(t testing.TB, template, input string) (string, error) {
	t.Helper()
	m, _, err := Parse(`{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"v":`+template+`},"End":true}}}`, Options{})
	if err != nil {
		return "", err
	}
	in, err := jsonvalue.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	scope := &Scope{Ctx: t.Context(), Input: in, Context: func() *jsonvalue.Object { return jsonvalue.NewObject("Execution", jsonvalue.NewObject("Name", "x")) }, Var: func(name string) (any, bool) { return "var " + name, name == "known" }}
	v, err := m.States["A"].Parameters.Eval(scope)
	if err != nil {
		return "", err
	}
	v, _ = v.(*jsonvalue.Object).Get("v")
	return jsonvalue.Marshal(v), nil
}

func TestIntrinsics(t *testing.T) {
	const input = `{"a":[1,2,3,4],"s":"x,y","o":{"k":1},"n":1.50,"t":"{\"z\":[1]}","e":[1,1,"b","b"],"text":"it's"}`
	for _, c := range []struct{ call, want string }{
		{`States.Format('{} and {}', $.s, $.n)`, `"x,y and 1.50"`},
		{`States.Format('\\{{}\\} \\'q\\'', 1)`, `"{1} 'q'"`},
		{`States.Format('{}', $.o)`, `"{k=1}"`},
		{`States.Format('{}', $.text)`, `"it's"`},
		{`States.StringToJson($.t)`, `{"z":[1]}`},
		{`States.JsonToString($.a)`, `"[1,2,3,4]"`},
		{`States.Array($.s, 1, null, true, 'a b')`, `["x,y",1,null,true,"a b"]`},
		{`States.Array()`, `[]`},
		{`States.ArrayPartition($.a, 3)`, `[[1,2,3],[4]]`},
		{`States.ArrayContains($.a, 3)`, `true`},
		{`States.ArrayContains($.a, '3')`, `false`},
		{`States.ArrayRange(1, 9, 3)`, `[1,4,7]`},
		{`States.ArrayRange(3, 1, -1)`, `[3,2,1]`},
		{`States.ArrayGetItem($.a, 2)`, `3`},
		{`States.ArrayLength($.a)`, `4`},
		{`States.ArrayUnique($.e)`, `[1,"b"]`},
		{`States.Base64Encode('hello')`, `"aGVsbG8="`},
		{`States.Base64Decode('aGVsbG8=')`, `"hello"`},
		{`States.Hash('x', 'MD5')`, `"9dd4e461268c8034f5c8564e155c67a6"`},
		{`States.Hash('x', 'SHA-1')`, `"11f6ad8ec52a2984abaafd7c3b516503785c2072"`},
		{`States.JsonMerge($.o, States.StringToJson($.t), false)`, `{"k":1,"z":[1]}`},
		{`States.MathAdd(1, -3)`, `-2`},
		{`States.ArrayRange(5, 1, 1)`, `[]`},
		{`States.ArrayRange(1, 1, -7)`, `[1]`},
		{`States.ArrayRange(9223372036854775800, 9223372036854775807, 5)`, `[9223372036854775800,9223372036854775805]`},
		{`States.ArrayRange(-9223372036854775808, 9223372036854775807, 9223372036854775807)`, `[-9223372036854775808,-1,9223372036854775806]`},
		{`States.ArrayRange(1, 1000, 1)[999]`, ``},
		{`States.ArrayGetItem($.a, 1.6)`, `3`},
		{`States.Base64Decode('aGVsbG8')`, `"hello"`},
		{`States.Hash($.a, 'MD5')`, `"7bd4c63ba2cdadb060f5730e7bf66a30"`},
		{`States.MathAdd(1.5, 1)`, `3`},
		{`States.StringSplit($.s, '')`, `["x,y"]`},
		{`States.StringSplit($.s, ',')`, `["x","y"]`},
		{`States.StringSplit('a.b+c', '.+')`, `["a","b","c"]`},
		{`$$.Execution.Name`, `"x"`},
		{`$known`, `"var known"`},
	} {
		got, err := eval(t, `{"r.$":"`+strings.ReplaceAll(c.call, `\\`, `\\`)+`"}`, input)
		if c.want == "" { // is refused at creation
			if err == nil {
				t.Errorf("%s = %s", c.call, got)
			}
			continue
		}
		if want := `{"r":` + c.want + `}`; err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", c.call, got, err, want)
		}
	}
	if got, err := eval(t, `{"r.$":"States.UUID()"}`, input); err != nil || len(got) != len(`{"r":""}`)+36 {
		t.Errorf("UUID: %s, %v", got, err)
	}
	for i := range 20 {
		if got, err := eval(t, `{"r.$":"States.MathRandom(1, 3)"}`, input); err != nil || got != `{"r":1}` && got != `{"r":2}` {
			t.Errorf("%d: MathRandom: %s, %v", i, got, err)
		}
	}
	for range 20 {
		if got, err := eval(t, `{"r.$":"States.MathRandom(-9223372036854775808, 9223372036854775807)"}`, input); err != nil {
			t.Errorf("MathRandom: %s, %v", got, err)
		}
	}
	long := strings.Repeat("x", 10001)
	for _, call := range []string{`States.ArrayRange(-9000000000000000000, 9000000000000000000, 1)`, `States.ArrayRange(1, 1001, 1)`, `States.ArrayRange(1, 5, 0)`, `States.MathAdd(9223372036854775807, 1)`,
		`States.MathAdd(-9223372036854775808, -1)`, `States.MathAdd(1e300, 1)`, `States.ArrayGetItem($.a, -1)`, `States.ArrayPartition($.a, 1e30)`, `States.ArrayLength($.s)`, `States.ArrayUnique($.o)`,
		`States.ArrayContains($.o, 1)`, `States.Format('{}')`, `States.Format('a', 1)`, `States.Format($.n)`, `States.JsonMerge($.o, $.o, true)`, `States.JsonMerge($.o, $.a, false)`, `States.StringToJson($.o)`,
		`States.MathRandom(1, 1)`, `States.MathRandom('a', 1)`, `States.StringSplit($.o, ',')`, `States.UUID(1)`, `States.Nope()`, `States.Array(`, `States.Hash('` + long + `', 'MD5')`, `States.Base64Encode('` + long + `')`,
		`States.Format('` + strings.Repeat(`{}`, 2000) + `'` + strings.Repeat(`, '`+long+`'`, 2000) + `)`,
		`States.MathAdd('a', 1)`, `States.ArrayGetItem($.a, 9)`, `States.ArrayPartition($.a, 0)`, `States.StringToJson('{')`, `States.Hash('x', 'CRC')`, `States.Base64Decode('%')`, `$.missing`, `States.ArrayRange(0, 2000, 1)`} {
		if got, err := eval(t, `{"r.$":"`+call+`"}`, input); err == nil {
			t.Errorf("%s = %s", call, got)
		}
	}
}

func TestChoiceRules(t *testing.T) {
	const input = `{"n":5,"f":2.5,"s":"abc","b":true,"z":null,"t":"2024-01-02T03:04:05Z","o":{},"p":"abc","star":"a*b"}`
	for _, c := range []struct {
		rule string
		want bool
	}{
		{`"Variable":"$.n","NumericEquals":5`, true},
		{`"Variable":"$.n","NumericEquals":5.0`, true},
		{`"Variable":"$.f","NumericLessThanEquals":2.5`, true},
		{`"Variable":"$.s","NumericEquals":5`, false},
		{`"Variable":"$.s","StringEquals":"abc"`, true},
		{`"Variable":"$.s","StringEqualsPath":"$.p"`, true},
		{`"Variable":"$.s","StringLessThan":"abd"`, true},
		{`"Variable":"$.s","StringMatches":"a*"`, true},
		{`"Variable":"$.s","StringMatches":"a*d"`, false},
		{`"Variable":"$.star","StringMatches":"a\\*b"`, true},
		{`"Variable":"$.s","StringMatches":"a\\*"`, false},
		{`"Variable":"$.b","BooleanEquals":true`, true},
		{`"Variable":"$.t","TimestampLessThan":"2024-01-02T03:04:06Z"`, true},
		{`"Variable":"$.t","TimestampEquals":"2024-01-02T04:04:05+01:00"`, true},
		{`"Variable":"$.t","IsTimestamp":true`, true},
		{`"Variable":"$.s","IsTimestamp":true`, false},
		{`"Variable":"$.z","IsNull":true`, true},
		{`"Variable":"$.q","IsPresent":false`, true},
		{`"Variable":"$.z","IsPresent":true`, true},
		{`"Variable":"$.n","IsNumeric":true`, true},
		{`"Variable":"$.s","IsString":true`, true},
		{`"Variable":"$.b","IsBoolean":false`, false},
		{`"And":[{"Variable":"$.b","BooleanEquals":true},{"Variable":"$.n","NumericGreaterThan":9}]`, false},
		{`"Or":[{"Variable":"$.b","BooleanEquals":false},{"Variable":"$.n","NumericGreaterThan":4}]`, true},
		{`"Not":{"Variable":"$.b","BooleanEquals":true}`, false},
	} {
		m, _, err := Parse(`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{`+c.rule+`,"Next":"B"}]},"B":{"Type":"Succeed"}}}`, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		in, _ := jsonvalue.Parse(input)
		got, err := m.States["A"].Choices[0].Matches(&Scope{Ctx: t.Context(), Input: in})
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.rule, got, err)
		}
	}
}

func TestResources(t *testing.T) {
	for _, c := range []struct {
		arn           string
		kind          Integration
		service, name string
		pattern       Pattern
	}{
		{"arn:aws:lambda:us-east-1:123456789012:function:f", Function, "lambda", "f", RequestResponse},
		{"arn:aws:lambda:us-east-1:123456789012:function:f:live", Function, "lambda", "f:live", RequestResponse},
		{"arn:aws:states:us-east-1:123456789012:activity:a", Activity, "activity", "a", RequestResponse},
		{"arn:aws:states:::lambda:invoke.waitForTaskToken", Optimized, "lambda", "invoke.waitForTaskToken", WaitForToken},
		{"arn:aws:states:::glue:startJobRun.sync", Optimized, "glue", "startJobRun.sync", Sync},
		{"arn:aws:states:::states:startExecution.sync:2", Optimized, "states", "startExecution.sync:2", Sync2},
		{"arn:aws:states:::aws-sdk:s3:getObject", SDK, "s3", "getObject", RequestResponse},
	} {
		r, ok := ParseResource(c.arn)
		if !ok || r.Integration != c.kind || r.Service != c.service || r.Name() != c.name || r.Pattern != c.pattern {
			t.Errorf("%s: %+v %t", c.arn, r, ok)
		}
	}
	for _, arn := range []string{"", "x", "arn:aws:lambda:us-east-1:1:function", "arn:aws:states:::", "arn:aws:s3:::bucket"} {
		if r, ok := ParseResource(arn); ok {
			t.Errorf("%q: %+v", arn, r)
		}
	}
}

func TestGraph(t *testing.T) {
	m, _, err := Parse(`{"StartAt":"A","States":{
	 "A":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"B"}],"Default":"C"},
	 "B":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:s3:listBuckets","Catch":[{"ErrorEquals":["States.ALL"],"Next":"D"}],"Next":"C"},
	 "C":{"Type":"Map","ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},"End":true},
	 "D":{"Type":"Fail"}}}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	m.Walk(func(_ *Machine, s *State) { names = append(names, s.Name) })
	slices.Sort(names)
	if d := cmp.Diff([]string{"A", "B", "C", "D", "I"}, names); d != "" {
		t.Error(d)
	}
	if in, s := m.Find("I"); s == nil || in == m {
		t.Error("state of a map is not found")
	}
	g := fmt.Sprintf("%+v", m.Graph())
	for _, want := range []string{"A", "B", "C", "D", "I"} {
		if !strings.Contains(g, want) {
			t.Errorf("graph lacks %s: %s", want, g)
		}
	}
}

func FuzzParse(f *testing.F) {
	file, err := os.ReadFile("testdata/broken.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if kind, text, ok := strings.Cut(line, " "); ok && (kind == "S" || kind == "M") {
			if kind == "S" {
				text = state(text)
			}
			f.Add(text)
		}
	}
	f.Add(`{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a.$":"States.Format('{}', $.x)"},"Assign":{"v":1},"End":true}}}`)
	f.Fuzz(func(t *testing.T, definition string) {
		m, _, err := Parse(definition, Options{})
		if err != nil {
			return
		}
		m.Graph()
		m.VariableReferences()
		scope := &Scope{Ctx: t.Context(), Input: jsonvalue.NewObject("x", "y"), Context: func() *jsonvalue.Object { return jsonvalue.NewObject() }, Var: func(string) (any, bool) { return nil, false }}
		m.Walk(func(_ *Machine, s *State) {
			if s.Language == JSONPath && s.Parameters != nil {
				_, _ = s.Parameters.Eval(scope)
			}
			for i := range s.Choices {
				if s.Language == JSONPath {
					_, _ = s.Choices[i].Matches(scope)
				}
			}
		})
	})
}

func FuzzIntrinsic(f *testing.F) {
	for _, s := range []string{`States.Format('{}', $.s)`, `States.Array(1, null, $$.Execution.Id)`, `States.StringSplit('a,b', ',')`, `States.JsonMerge($.a, $.b, false)`, `States.MathAdd(1, 2)`, `$v.x[0]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, call string) {
		_, _ = eval(t, `{"r.$":`+jsonvalue.Marshal(call)+`}`, `{"s":"x","a":[1,{"b":2}]}`)
	})
}
