package visual

import (
	"errors"
	"strings"
	"testing"
)

const source, sink = `"in":{"S3ParquetSource":{"Paths":["s3://b/x/"]}},`, `,"out":{"S3DirectTarget":{"Inputs":["last"],"Format":"json","Path":"s3://b/y/"}}`

func parsePython(node string) (*Node, error) {
	last := "node"
	if strings.Contains(node, "CustomCode") {
		last, node = "last", node+`,"last":{"SelectFromCollection":{"Inputs":["node"],"Index":0}}`
	}
	g, err := Parse([]byte("{" + source + node + strings.Replace(sink, "last", last, 1) + "}"))
	if err != nil {
		return nil, err
	}
	return g.nodes["node"], nil
}

func TestScript(t *testing.T) {
	for _, c := range []struct {
		name, node, want string
		before           int
	}{
		{"function", `"node":{"CustomCode":{"Inputs":["in"],"ClassName":"F","Code":"def F(glueContext, dfc):\n    return dfc"}}`,
			"def F(glueContext, dfc):\n    return dfc\ntarn_nodes.custom(glueContext, F, [[\"in\",\"/d/0\"]], \"/out\")\n", 1},
		{"body", `"node":{"CustomCode":{"Inputs":["in"],"ClassName":"F","Code":"x = 1\nreturn dfc"}}`,
			"def F(glueContext, dfc):\n    x = 1\n    return dfc\ntarn_nodes.custom(glueContext, F, [[\"in\",\"/d/0\"]], \"/out\")\n", 2},
		{"indented body", `"node":{"CustomCode":{"Inputs":["in"],"ClassName":"F","Code":"  return dfc"}}`,
			"def F(glueContext, dfc):\n  return dfc\ntarn_nodes.custom(glueContext, F, [[\"in\",\"/d/0\"]], \"/out\")\n", 2},
		{"sql", `"node":{"SparkSQL":{"Inputs":["in"],"SqlQuery":"select '\"' q\nfrom t","SqlAliases":[{"From":"in","Alias":"t"}]}}`,
			"tarn_nodes.views(glueContext, [[\"t\",\"/d/0\"]])\nframe = spark.sql(\"select '\\\"' q\\nfrom t\")\ntarn_nodes.write(frame, \"/out/0\")\n", 0},
		{"dynamic", `"node":{"DynamicTransform":{"Inputs":["in"],"TransformName":"f","FunctionName":"f","Path":"s3://b/f.py","Parameters":[{"Name":"n","Type":"int","Value":["3"]},` +
			`{"Name":"l","Type":"list","ListType":"str","Value":["a","b"]},{"Name":"b","Type":"bool","Value":["TRUE"]},{"Name":"none","Type":"str"}]}}`,
			"CODE\ntarn_nodes.dynamic(glueContext, f, \"/d/0\", {\"n\": int(\"3\"), \"l\": [\"a\", \"b\"], \"b\": True}, \"/out\")\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := parsePython(c.node)
			if err != nil {
				t.Fatal(err)
			}
			text, before := n.Script([]string{"/d/0"}, "/out", "CODE")
			if got, ok := strings.CutPrefix(text, prelude); !ok || got != c.want || before != c.before {
				t.Errorf("before %d:\n%s", before, got)
			}
		})
	}
}

func TestPythonNodes_RefuseBadInput(t *testing.T) {
	for name, node := range map[string]string{
		"no code":       `"node":{"CustomCode":{"Inputs":["in"],"ClassName":"F","Code":" "}}`,
		"no name":       `"node":{"CustomCode":{"Inputs":["in"],"ClassName":"F(x","Code":"x"}}`,
		"no input":      `"node":{"CustomCode":{"Inputs":[],"ClassName":"F","Code":"x"}}`,
		"no query":      `"node":{"SparkSQL":{"Inputs":["in"],"SqlQuery":""}}`,
		"foreign alias": `"node":{"SparkSQL":{"Inputs":["in"],"SqlQuery":"select 1","SqlAliases":[{"From":"x","Alias":"t"}]}}`,
		"bad alias":     `"node":{"SparkSQL":{"Inputs":["in"],"SqlQuery":"select 1","SqlAliases":[{"From":"in","Alias":"t; drop"}]}}`,
		"local code":    `"node":{"DynamicTransform":{"Inputs":["in"],"FunctionName":"f","Path":"/etc/f.py"}}`,
		"bad parameter": `"node":{"DynamicTransform":{"Inputs":["in"],"FunctionName":"f","Path":"s3://b/f.py","Parameters":[{"Name":"b","Type":"bool","Value":["maybe"]}]}}`,
	} {
		if _, err := parsePython(node); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
