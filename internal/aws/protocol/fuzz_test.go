package protocol

import (
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
)

func prepared(f *testing.F, pkg string) *Service {
	f.Helper()
	s := testService(f, pkg, nil)
	if err := s.prepare(); err != nil {
		f.Fatal(err)
	}
	for _, r := range s.rows {
		if err := s.plans(r); err != nil {
			f.Fatal(err)
		}
	}
	return s
}

// FuzzJSON decodes anything as a table of the catalog. What is accepted is JSON, and survives a round trip.
func FuzzJSON(f *testing.F) {
	s := prepared(f, "glueapi")
	row := s.rows["CreateTable"]
	for _, c := range loadCaptured(f) {
		if c.Service == "glue" {
			f.Add(c.Body)
		}
	}
	f.Add([]byte(`{"DatabaseName":"a\ud83d\ude00\u0000","TableInput":{"Name":"\"","Retention":1e2,"LastAccessTime":"2026-01-02","StorageDescriptor":{"Columns":[null]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := row.newInput()
		rep := &report{}
		if err := decodeJSON(row.in, b, v.Elem(), rep, false); err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("accepted, though it is not JSON: %q", b)
		}
		_ = rep.message()
		once := jsonEnc{}.append(nil, row.in, nil, v)
		w := row.newInput()
		if err := decodeJSON(row.in, once, w.Elem(), &report{}, false); err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		if !reflect.DeepEqual(v.Interface(), w.Interface()) {
			t.Fatalf("%s changed in a round trip", once)
		}
	})
}

// FuzzXML decodes anything as a lifecycle configuration; what is accepted survives a round trip.
func FuzzXML(f *testing.F) {
	s := prepared(f, "s3api")
	row := s.rows["PutBucketLifecycleConfiguration"]
	p := row.in.fields[row.payload.Index].plan
	for _, c := range loadCaptured(f) {
		if c.Service == "s3" {
			f.Add(c.Body)
		}
	}
	f.Add([]byte(`<a xmlns:x="y"><Rule x:z="1"><ID>&#x41;<![CDATA[<]]></ID><Expiration><Date>2026-01-02</Date></Expiration></Rule></a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := parseXML(b)
		if err != nil {
			return
		}
		v := reflect.New(p.typ)
		if err := (&treeDec{rep: &report{}}).value(p, nil, root, v.Elem()); err != nil {
			return
		}
		once := s.xml().root(nil, p, "a", "", v)
		again, err := parseXML(once)
		if err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		w := reflect.New(p.typ)
		if err := (&treeDec{rep: &report{}}).value(p, nil, again, w.Elem()); err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		if twice := s.xml().root(nil, p, "a", "", w); string(twice) != string(once) {
			t.Fatalf("%s became %s", once, twice)
		}
	})
}

func FuzzForm(f *testing.F) {
	iam, sqs := prepared(f, "iamapi"), prepared(f, "sqsapi")
	f.Add("Action=CreateRole&RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.member.10.Key=c")
	f.Add("MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AA%3D%3D&A..b=.")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		tree, err := formTree(form)
		if err != nil {
			return
		}
		for _, row := range []*opRow{iam.rows["CreateRole"], sqs.rows["SendMessage"]} {
			rep := &report{}
			_ = (&treeDec{rep: rep, query: true}).value(row.in, nil, tree, row.newInput().Elem())
			_ = rep.message()
		}
	})
}

// FuzzPaths finds routes for anything.
func FuzzPaths(f *testing.F) {
	s3, lambda := prepared(f, "s3api"), prepared(f, "lambdaapi")
	f.Add("GET", "/lake/a%2Fb", "uploadId=u&partNumber=1")
	f.Add("POST", "/2015-03-31/functions/f/invocations", "")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, s := range []*Service{s3, lambda} {
			if r, labels := s.find(method, path, q, nil); r != nil {
				for _, l := range labels {
					if l.value == "" && r.row != nil && s == lambda {
						t.Errorf("%s: label %s is empty", path, l.name)
					}
				}
			}
		}
	})
}
