package awsgen_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/awsgen"
	"github.com/tarn-data/tarn/internal/aws/model"
)

const toy = `{"metadata":{"serviceId":"Toy","protocol":"json","endpointPrefix":"toy","targetPrefix":"Toy","jsonVersion":"1.1","uid":"x"},"documentation":"<p>long</p>",
"operations":{
 "Make":{"name":"Make","documentation":"d","http":{"method":"POST","requestUri":"/"},"input":{"shape":"MakeRequest"},"output":{"shape":"MakeResult"},"errors":[{"shape":"Gone"}]},
 "Watch":{"name":"Watch","http":{"method":"POST","requestUri":"/"},"output":{"shape":"WatchResult"}},
 "Drop":{"name":"Drop","http":{"method":"DELETE","requestUri":"/x"},"input":{"shape":"DropRequest"}}},
"shapes":{
 "MakeRequest":{"type":"structure","required":["Name"],"documentation":"d","members":{"Name":{"shape":"Name","documentation":"d"},"Tags":{"shape":"Tags"},"Parts":{"shape":"Parts"},"Big":{"shape":"Big"}}},
 "Name":{"type":"string","min":1,"pattern":"(?!x)\\p{Alnum}+"},
 "Big":{"type":"structure","members":{"Deep":{"shape":"Deeper"}}},"Deeper":{"type":"structure","members":{"S":{"shape":"S"}}},"S":{"type":"string"},
 "Parts":{"type":"list","member":{"shape":"Part"}},"Part":{"type":"structure","members":{"A":{"shape":"S"},"B":{"shape":"S"}}},
 "Tags":{"type":"map","key":{"shape":"S"},"value":{"shape":"S"},"flattened":true},
 "MakeResult":{"type":"structure","members":{"Body":{"shape":"Out"},"Model":{"shape":"Model"}}},"Out":{"type":"string","pattern":"never used","enum":["a-b","a_b","1"]},
 "Model":{"type":"structure","members":{"S":{"shape":"S"}}},
 "WatchResult":{"type":"structure","members":{"Events":{"shape":"Events"}}},"Events":{"type":"structure","eventstream":true,"members":{}},
 "DropRequest":{"type":"structure","members":{"OnlyHere":{"shape":"OnlyHere"}}},"OnlyHere":{"type":"string"},
 "Gone":{"type":"structure","exception":true,"error":{"httpStatusCode":410},"members":{"message":{"shape":"S"}}}}}`

const oldToy = `{"metadata":{"protocol":"query","xmlNamespace":"http://toy/"},"operations":{"Make":{"output":{"shape":"MakeResult","resultWrapper":"MakeResult"}}},
"shapes":{"MakeRequest":{"type":"structure","members":{"Tags":{"shape":"Tags","locationName":"Tag"},"Parts":{"shape":"Parts"}}},"S":{"type":"string"},"MakeResult":{"type":"structure","members":{}},
 "Tags":{"type":"map","key":{"shape":"S","locationName":"Key"},"value":{"shape":"S","locationName":"Value"},"flattened":true},
 "Parts":{"type":"list","flattened":true,"member":{"shape":"S","locationName":"OnePart"}},
 "Gone":{"type":"structure","error":{"code":"Toy.Gone","httpStatusCode":410},"exception":true}}}`

// wheels writes two releases of a botocore that knows one service.
func wheels(t *testing.T) *awsgen.Models {
	t.Helper()
	dir := t.TempDir()
	for version, text := range map[string]string{awsgen.Version: toy, "1.0.0": oldToy} {
		f, err := os.Create(filepath.Join(dir, "botocore-"+version+"-py3-none-any.whl"))
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		w, err := z.Create("botocore/data/toy/2020-01-01/service-2.json")
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err == nil {
			err = z.Close()
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return &awsgen.Models{Dir: dir}
}

func prune(t *testing.T, m *awsgen.Models, support string) ([]byte, error) {
	t.Helper()
	s, err := awsgen.ParseSupport(support)
	if err != nil {
		t.Fatal(err)
	}
	return awsgen.Prune(m, s)
}

func TestPrune(t *testing.T) {
	b, err := prune(t, wheels(t), "service toy\nquery 1.0.0\nMake\n- Make.Parts.B\n~ MakeRequest.Big\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"documentation", "OnlyHere", "Deeper", "never used", "uid"} {
		if strings.Contains(string(b), gone) {
			t.Errorf("the pruned model still has %q", gone)
		}
	}
	m, err := model.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Ops["Drop"].Unserved || m.Ops["Make"].Unserved || m.Ops["Drop"].Method != "DELETE" {
		t.Error("the operations that are not served are not marked")
	}
	in := m.Ops["Make"].In
	part := in.ByName("Parts").Shape.Elem.Shape
	if part.ByName("B").Support != model.Refused || part.ByName("A").Support != model.Served || in.ByName("Big").Support != model.Ignored {
		t.Error("refused and ignored members are not marked")
	}
	if p := in.ByName("Name").Shape.Pattern; p == nil || !p.Match("ab1") || p.Match("xab") || p.Match("a-b") {
		t.Errorf("pattern = %+v", p)
	}
	tags, parts := in.ByName("Tags"), in.ByName("Parts")
	if tags.QueryWire != "Tag" || !tags.QueryFlattened || tags.Wire != "Tags" || tags.Shape.Key.QueryWire != "Key" || parts.QueryWire != "OnePart" || m.QueryNS != "http://toy/" || m.Ops["Make"].ResultName != "MakeResult" {
		t.Errorf("names of the query protocol: %+v %+v", tags, parts)
	}
	if g := m.Exception("Toy.Gone"); g == nil || g.Name != "Gone" || g.HTTPStatus() != 410 || m.Exception("Gone") != g {
		t.Errorf("exception = %+v", g)
	}
	types, err := awsgen.Types("toyapi", m)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Model *Model_", "Out_A_B ", "Out_A_B_ ", "Out_1 ", "Name  string", "Parts []Part", `Code_Gone = "Gone"`} {
		if !strings.Contains(string(types), want) {
			t.Errorf("the types lack %q:\n%s", want, types)
		}
	}
	if strings.Contains(string(types), "Big") {
		t.Error("an ignored member has a field")
	}
}

func TestPrune_Refuses(t *testing.T) {
	m := wheels(t)
	for support, want := range map[string]string{
		"service toy\nBake":                           `no operation "Bake"`,
		"service toy\nWatch":                          "event stream",
		"service toy\nMake\n- MakeRequest.Name":       "required and cannot be refused",
		"service toy\nMake\n- MakeRequest.Nmae":       `no member "Nmae"`,
		"service toy\nMake\n- MakeRequst.Name":        `no structure "MakeRequst"`,
		"service toy\nMake\n- Drop.OnlyHere":          "not served",
		"service toy\nMake\n- MakeRequest.Name.First": `Name has no member "First"`,
		"service boy\nMake":                           `no service "boy"`,
		"service toy\nquery 9.9.9\nMake":              "no botocore 9.9.9",
	} {
		if _, err := prune(t, m, support); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", support, err, want)
		}
	}
}
