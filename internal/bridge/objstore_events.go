package bridge

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/objstore"
)

// s3Event is the event that S3 puts on the default bus; ok is false for those that it does not put there.
//
// Source: "EventBridge event message structure" in the Amazon S3 user guide.
func s3Event(ev objstore.Event) (out event.Event, ok bool) {
	kind, how, _ := strings.Cut(ev.Name, ":")
	object := map[string]any{"key": ev.Key}
	for name, value := range map[string]string{"sequencer": ev.Sequencer, "version-id": ev.Version, "etag": ev.ETag} {
		if value != "" {
			object[name] = value
		}
	}
	detail := map[string]any{
		"version": "0", "bucket": map[string]string{"name": ev.Bucket}, "object": object, "request-id": ev.By.RequestID, "requester": requester(ev),
	}
	if ev.By.SourceIP != "" {
		detail["source-ip-address"] = ev.By.SourceIP
	}
	switch kind {
	case "ObjectCreated":
		out.DetailType = "Object Created"
		object["size"] = ev.Size
		detail["reason"] = map[string]string{"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject", "CompleteMultipartUpload": "CompleteMultipartUpload"}[how]
	case "ObjectRemoved", "LifecycleExpiration":
		out.DetailType = "Object Deleted"
		detail["reason"] = map[string]string{"ObjectRemoved": "DeleteObject", "LifecycleExpiration": "Lifecycle Expiration"}[kind]
		detail["deletion-type"] = map[string]string{"Delete": "Permanently Deleted", "DeleteMarkerCreated": "Delete Marker Created"}[how]
	case "ObjectTagging":
		out.DetailType = "Object Tags " + map[string]string{"Put": "Added", "Delete": "Deleted"}[how]
	case "LifecycleTransition":
		out.DetailType = "Object Storage Class Changed"
		object["size"], detail["destination-storage-class"] = ev.Size, ev.Class
	case "ObjectAcl":
		out.DetailType = "Object ACL Updated"
	default:
		return out, false
	}
	text, err := json.Marshal(detail)
	if err != nil {
		panic("BUG: encode event: " + err.Error())
	}
	out.Source, out.Detail, out.Resources, out.Time = "aws.s3", text, []string{"arn:aws:s3:::" + ev.Bucket}, ev.Time.Truncate(time.Second)
	return out, true
}

// requester is the account that made a request, or S3 itself.
func requester(ev objstore.Event) string {
	switch {
	case ev.By == (objstore.Actor{}):
		return "s3.amazonaws.com"
	case ev.By.Account != "":
		return ev.By.Account
	case ev.By.PrincipalID == "" && ev.By.SourceIP != "":
		return "anonymous"
	}
	return ev.Scope.Account
}

// customerID shows an account as events of S3 do: by an id that only says whether two are the same.
func customerID(account string) string {
	sum := sha256.Sum256([]byte("customer " + account))
	return "A" + base32.StdEncoding.EncodeToString(sum[:])[:13]
}
