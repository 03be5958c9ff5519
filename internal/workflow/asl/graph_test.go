package asl

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const drawn = `{"StartAt":"Pick","States":{
 "Pick":{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"Both"}],"Default":"Say \"no\" <#>"},
 "Both":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Parameters":{"QueueUrl":"u","MessageBody":"b"},"End":true}}},
  {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":1,"End":true}}}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Say \"no\" <#>"}],"End":true},
 "Say \"no\" <#>":{"Type":"Fail"}}}`

const mermaidText = `flowchart TD
  start1(( )) --> s1
  s1{"Pick<br/>Choice"}:::done
  s2["Both<br/>Parallel"]
  subgraph s2b1 ["Both, branch 1"]
    start2(( )) --> s3
    s3["A<br/>Task<br/>sendMessage"]
  end
  s2 -.-> s2b1
  subgraph s2b2 ["Both, branch 2"]
    start3(( )) --> s4
    s4[/"B<br/>Wait"/]
  end
  s2 -.-> s2b2
  s5(["Say #quot;no#quot; #lt;#35;#gt;<br/>Fail"])
  s1 -->|"Choice 1"| s2
  s1 -->|"Default"| s5
  s2 -->|"Catch States.ALL"| s5
`

func TestMermaid(t *testing.T) {
	m, _, err := Parse(drawn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := m.Graph().Mermaid(func(state string) string {
		if state == "Pick" {
			return "done"
		}
		return ""
	})
	if d := cmp.Diff(mermaidText, got); d != "" {
		t.Error(d)
	}
}

func TestGraphSurvivesJSON(t *testing.T) {
	m, _, err := Parse(drawn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m.Graph())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"kind":"Parallel"`) {
		t.Errorf("the type is not in words: %s", b)
	}
	var back Graph
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.Graph(), back); d != "" {
		t.Error(d)
	}
	if err := json.Unmarshal([]byte(`{"nodes":[{"name":"a","kind":"Nap"}]}`), &back); err == nil {
		t.Error("a type that does not exist is taken")
	}
}
