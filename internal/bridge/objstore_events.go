package bridge

import (
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
	object := map[string]any{"key": ev.Key, "sequencer": ev.Sequencer}
	detail := map[string]any{
		"version": "0", "bucket": map[string]string{"name": ev.Bucket}, "object": object, "request-id": ev.By.RequestID, "requester": ev.Scope.Account,
	}
	if ev.By.SourceIP != "" {
		detail["source-ip-address"] = ev.By.SourceIP
	}
	if ev.Version != "" {
		object["version-id"] = ev.Version
	}
	switch kind {
	case "ObjectCreated":
		out.DetailType = "Object Created"
		object["size"], object["etag"] = ev.Size, ev.ETag
		detail["reason"] = map[string]string{"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject", "CompleteMultipartUpload": "CompleteMultipartUpload"}[how]
	case "ObjectRemoved", "LifecycleExpiration":
		out.DetailType = "Object Deleted"
		detail["reason"] = map[string]string{"ObjectRemoved": "DeleteObject", "LifecycleExpiration": "Lifecycle Expiration"}[kind]
		detail["deletion-type"] = map[string]string{"Delete": "Permanently Deleted", "DeleteMarkerCreated": "Delete Marker Created"}[how]
	case "ObjectTagging":
		out.DetailType = "Object Tags " + map[string]string{"Put": "Added", "Delete": "Deleted"}[how]
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
