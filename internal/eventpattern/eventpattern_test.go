package eventpattern

import (
	"errors"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const event = `{"source":"aws.s3","n":1,"big":9007199254740993,"x":{"ip":"10.0.0.7","list":["a","Bc"],"null":null,"empty":""},"file":"dir/data.csv","objs":[{"k":1},{"k":2}],"deep":[[{"k":1},[{"k":2}]]],"lists":[[4],[5]],"d.e":"f","d":{"g":{"h":"i"}},"hollow":[],"a.dotted":"name","a":{"plain":1}}`
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{`{"source":["aws.s3"]}`, true},
		{`{"source":["other","aws.s3"],"n":[1.0]}`, true},
		{`{"source":["aws.s3"],"n":[2]}`, false},
		{`{"big":[9007199254740992]}`, false},
		{`{"x":{"list":["a"]}}`, true},
		{`{"x":{"list":["c"]}}`, false},
		{`{"x":{"null":[null]}}`, true},
		{`{"x":{"empty":[""]}}`, true},
		{`{"x":{"none":[null]}}`, false},
		{`{"x":{"none":[{"exists":false}]}}`, true},
		{`{"x":{"ip":[{"exists":true}]}}`, true},
		{`{"x":[{"exists":true}]}`, false}, // only leaves exist
		{`{"x":[{"exists":false}]}`, true},
		{`{"hollow":[{"exists":true}]}`, false},
		{`{"lists":[{"exists":true}]}`, true},
		{`{"a":{"dotted":["name"]}}`, true},
		{`{"a":{"dotted":["other"]}}`, false},
		{`{"a":{"plain":[1],"dotted":["name"]}}`, true},
		{`{"file":[{"prefix":"dir/"}]}`, true},
		{`{"file":[{"prefix":{"equals-ignore-case":"DIR/"}}]}`, true},
		{`{"file":[{"suffix":".csv"}]}`, true},
		{`{"file":[{"suffix":".CSV"}]}`, false},
		{`{"file":[{"wildcard":"dir/*.csv"}]}`, true},
		{`{"file":[{"wildcard":"*a*a*"}]}`, true},
		{`{"file":[{"wildcard":"*x*"}]}`, false},
		{`{"x":{"list":[{"equals-ignore-case":"bC"}]}}`, true},
		{`{"file":[{"anything-but":"dir/data.csv"}]}`, false},
		{`{"file":[{"anything-but":["a","b"]}]}`, true},
		{`{"file":[{"anything-but":{"prefix":"dir"}}]}`, false},
		{`{"file":[{"anything-but":{"suffix":[".txt",".json"]}}]}`, true},
		{`{"none":[{"anything-but":"a"}]}`, false},
		{`{"n":[{"numeric":["=",1]}]}`, true},
		{`{"n":[{"numeric":[">",0,"<=",1]}]}`, true},
		{`{"n":[{"numeric":[">",1]}]}`, false},
		{`{"source":[{"numeric":["=",1]}]}`, false},
		{`{"x":{"ip":[{"cidr":"10.0.0.0/29"}]}}`, true},
		{`{"x":{"ip":[{"cidr":"10.0.1.0/24"}]}}`, false},
		{`{"$or":[{"n":[2]},{"source":["aws.s3"]}]}`, true},
		{`{"n":[1],"$or":[{"n":[2]},{"source":["x"]}]}`, false},
		{`{"objs":{"k":[2]}}`, true},
		{`{"objs":{"k":[3]}}`, false},
		{`{"deep":{"k":[2]}}`, true},
		{`{"deep":{"k":[3]}}`, false},
		{`{"lists":[5]}`, true},
		{`{"x.ip":["10.0.0.7"]}`, true},
		{`{"x.ip":["10.0.0.8"]}`, false},
		{`{"objs.k":[2]}`, true},
		{`{"x.none":[{"exists":false}]}`, true},
		{`{"x.ip":[{"exists":false}]}`, false},
		{`{"n.k":[{"exists":false}]}`, true},
		{`{"d.e":["f"]}`, true},
		{`{"d.e.g":["h"]}`, false},
		{`{"d":{"g.h":["i"]}}`, true},
		{`{"d.g.h":["i"]}`, true},
	} {
		p, err := Compile([]byte(c.pattern))
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		doc, err := Decode([]byte(event))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(doc); got != c.want {
			t.Errorf("%s: %v", c.pattern, got)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, p := range []string{
		``, `[]`, `{}`, `{"a":1}`, `{"a":{}}`, `{"a":[]}`, `{"a":[[1]]}`, `{"a":[{}]}`, `{"a":[{"prefix":"x","suffix":"y"}]}`, `{"a":[{"prefix":1}]}`,
		`{"a":[{"what":1}]}`, `{"a":[{"exists":"yes"}]}`, `{"a":[{"numeric":[">"]}]}`, `{"a":[{"numeric":[">",5,"<",1]}]}`, `{"a":[{"numeric":["<",1,">",0]}]}`,
		`{"a":[{"cidr":"x"}]}`, `{"a":[{"wildcard":"a**b"}]}`, `{"a":[{"anything-but":[]}]}`, `{"a":[{"anything-but":{"numeric":["=",1]}}]}`, `{"a":[1]} x`,
	} {
		if _, err := Compile([]byte(p)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestReasons(t *testing.T) {
	for arg, want := range map[string]string{
		`[]`: "Invalid member in numeric match: ]", `["x"]`: "Unrecognized numeric range operator: x", `[1,"<"]`: "Invalid member in numeric match: 1",
		`["=","0"]`: "Value of equals must be numeric", `[">="]`: "Value of >= must be numeric", `["<",9,">",1]`: "Too many elements in numeric expression",
		`[">",1,">",2]`: "Bad numeric range operator: >", `[">",3,"<",1]`: "Bottom must be less than top", `[">",2,"<="]`: "Value of <= must be numeric",
		`[">",2,3]`: "Bad value in numeric range: 3", `[">",2,"<",3,"<",5]`: "Too many terms in numeric range expression",
	} {
		_, err := Compile([]byte(`{"a":[{"numeric":` + arg + `}]}`))
		if err == nil || !strings.HasPrefix(err.Error(), ErrInvalid.Error()+". Reason: "+want+"\n") {
			t.Errorf("%s: %v, want %s", arg, err, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`{"a":[{"anything-but":{"wildcard":"x*"}}],"$or":[{"b":[1]},{"c":[{"numeric":[">",1e3]}]}]}`, `{"a":"b","c":[1,{"d":null}]}`)
	f.Fuzz(func(t *testing.T, pattern, event string) {
		p, err := Compile([]byte(pattern))
		if err != nil {
			return
		}
		if doc, err := Decode([]byte(event)); err == nil {
			p.Match(doc)
		}
	})
}
