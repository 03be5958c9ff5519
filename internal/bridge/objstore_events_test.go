package bridge

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/objstore"
)

// Members of the documents as S3 sends them, by kind of event.
func TestObjectEventDocuments(t *testing.T) {
	by := objstore.Actor{PrincipalID: "AIDA1", Account: "222222222222", RequestID: "R", SourceIP: "10.0.0.1"}
	base := objstore.Event{
		Time: time.Unix(0, 0), Bucket: "b", Scope: ident.Scope{Account: "111111111111", Region: "eu-west-1"}, Key: "a b/ü+.csv", By: by,
	}
	f := func(change func(*objstore.Event), version, object, who, detailType, detail string) {
		t.Helper()
		ev := base
		change(&ev)
		records := decoded(t, s3Records(objectEvent{Event: ev}))["Records"].([]any)
		r := records[0].(map[string]any)
		if got := r["eventVersion"]; got != version {
			t.Errorf("%s: version %v, not %s", ev.Name, got, version)
		}
		if diff := cmp.Diff(decoded(t, json.RawMessage(object)), r["s3"].(map[string]any)["object"]); diff != "" {
			t.Errorf("%s: object\n%s", ev.Name, diff)
		}
		if got := r["userIdentity"].(map[string]any)["principalId"]; got != who {
			t.Errorf("%s: principal %v, not %s", ev.Name, got, who)
		}
		out, ok := s3Event(ev)
		if !ok || out.DetailType != detailType {
			t.Fatalf("%s: %v %s, not %s", ev.Name, ok, out.DetailType, detailType)
		}
		got := decoded(t, json.RawMessage(out.Detail))
		delete(got, "bucket")
		if diff := cmp.Diff(decoded(t, json.RawMessage(detail)), got); diff != "" {
			t.Errorf("%s: detail\n%s", ev.Name, diff)
		}
	}
	f(func(e *objstore.Event) {
		e.Name, e.Size, e.ETag, e.Version, e.Sequencer = "ObjectCreated:Put", 0, "e", "v", "1"
	}, "2.1", `{"key":"a+b/%C3%BC%2B.csv","size":0,"eTag":"e","versionId":"v","sequencer":"1"}`, "AWS:AIDA1", "Object Created",
		`{"version":"0","object":{"key":"a b/ü+.csv","size":0,"etag":"e","version-id":"v","sequencer":"1"},"request-id":"R","requester":"222222222222","source-ip-address":"10.0.0.1","reason":"PutObject"}`)
	f(func(e *objstore.Event) { e.Name, e.Sequencer = "ObjectRemoved:Delete", "2" },
		"2.1", `{"key":"a+b/%C3%BC%2B.csv","sequencer":"2"}`, "AWS:AIDA1", "Object Deleted",
		`{"version":"0","object":{"key":"a b/ü+.csv","sequencer":"2"},"request-id":"R","requester":"222222222222","source-ip-address":"10.0.0.1","reason":"DeleteObject","deletion-type":"Permanently Deleted"}`)
	f(func(e *objstore.Event) { e.Name, e.ETag = "ObjectTagging:Put", "e" },
		"2.3", `{"key":"a+b/%C3%BC%2B.csv","eTag":"e"}`, "AWS:AIDA1", "Object Tags Added",
		`{"version":"0","object":{"key":"a b/ü+.csv","etag":"e"},"request-id":"R","requester":"222222222222","source-ip-address":"10.0.0.1"}`)
	f(func(e *objstore.Event) { e.Name, e.ETag = "ObjectAcl:Put", "e" },
		"2.3", `{"key":"a+b/%C3%BC%2B.csv","eTag":"e"}`, "AWS:AIDA1", "Object ACL Updated",
		`{"version":"0","object":{"key":"a b/ü+.csv","etag":"e"},"request-id":"R","requester":"222222222222","source-ip-address":"10.0.0.1"}`)
	f(func(e *objstore.Event) {
		e.Name, e.ETag, e.Version, e.Sequencer, e.By = "LifecycleExpiration:DeleteMarkerCreated", "m", "v", "3", objstore.Actor{}
	}, "2.3", `{"key":"a+b/%C3%BC%2B.csv","eTag":"m","versionId":"v","sequencer":"3"}`, "AmazonCustomer:"+customerID("111111111111"), "Object Deleted",
		`{"version":"0","object":{"key":"a b/ü+.csv","etag":"m","version-id":"v","sequencer":"3"},"request-id":"","requester":"s3.amazonaws.com","reason":"Lifecycle Expiration","deletion-type":"Delete Marker Created"}`)
}

// decoded is a document as its reader gets it.
func decoded(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
