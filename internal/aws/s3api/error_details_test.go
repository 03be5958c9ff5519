package s3api_test

import (
	"encoding/xml"
	"testing"
)

// TestErrorDetails compares the elements of error documents beyond code, message and ids with what S3 is known to send.
func TestErrorDetails(t *testing.T) {
	f := newServer(t)
	f.do("PUT", "/bkt", "")
	f.do("PUT", "/bkt/here", "0123456789")
	for _, c := range []struct {
		method, path, body string
		headers            []string
		want               string
	}{
		{"GET", "/none", "", nil, "NoSuchBucket BucketName=none"},
		{"GET", "/none/deep/key", "", nil, "NoSuchBucket BucketName=none"},
		{"GET", "/bkt/no%20such/key", "", nil, "NoSuchKey Key=no such/key"},
		{"GET", "/bkt/none?tagging", "", nil, "NoSuchKey Key=bkt/none"},
		{"DELETE", "/bkt/none?tagging", "", nil, "NoSuchKey Key=none"},
		{"GET", "/bkt?policy", "", nil, "NoSuchBucketPolicy BucketName=bkt"},
		{"GET", "/bkt?cors", "", nil, "NoSuchCORSConfiguration BucketName=bkt"},
		{"DELETE", "/bkt", "", nil, "BucketNotEmpty BucketName=bkt"},
		{"GET", "/bkt/here?versionId=nonsense", "", nil, "InvalidArgument ArgumentName=versionId ArgumentValue=nonsense"},
		{"GET", "/bkt/here?uploadId=abc", "", nil, "NoSuchUpload UploadId=abc"},
		{"GET", "/bkt?encoding-type=base64", "", nil, "InvalidArgument ArgumentName=encoding-type ArgumentValue=base64"},
		{"GET", "/bkt/here", "", []string{"Range: bytes=50-"}, "InvalidRange ActualObjectSize=10 RangeRequested=bytes=50-"},
		{"GET", "/bkt/here?partNumber=3", "", nil, "InvalidPartNumber ActualPartCount=1 PartNumberRequested=3"},
		{"GET", "/bkt/here", "", []string{"If-Match: x"}, "PreconditionFailed Condition=If-Match"},
		{"PUT", "/bkt/here", "", []string{"If-None-Match: *"}, "PreconditionFailed Condition=If-None-Match"},
		{"PUT", "/bkt/here", "", []string{"If-None-Match: abc"}, "NotImplemented Header=If-None-Match additionalMessage=We don't accept the provided value of If-None-Match header for this API"},
		{"PUT", "/bkt/here", "x", []string{"Content-Md5: MTIz"}, "InvalidDigest Content-MD5=MTIz"},
		{"PUT", "/bkt/here", "x", []string{"X-Amz-Storage-Class: SLOW"}, "InvalidStorageClass StorageClassRequested=SLOW"},
		{"PUT", "/bkt/here", "x", []string{"X-Amz-Tagging: a=b&a=c"}, "InvalidArgument ArgumentName=x-amz-tagging ArgumentValue=a=b&a=c"},
		{"PUT", "/bkt/copy", "", []string{"X-Amz-Copy-Source: /none/key"}, "NoSuchBucket BucketName=none"},
		{"PUT", "/bkt/copy", "", []string{"X-Amz-Copy-Source: /bkt/none"}, "NoSuchKey Key=none"},
		{"PUT", "/bkt?tagging", `<Tagging><TagSet><Tag><Key>a,b</Key><Value>x</Value></Tag></TagSet></Tagging>`, nil, "InvalidTag TagKey=a,b"},
	} {
		rec := f.do(c.method, c.path, c.body, c.headers...)
		if got := elements(t, []byte(rec.body)); got != c.want {
			t.Errorf("%s %s %v:\n got %s\nwant %s", c.method, c.path, c.headers, got, c.want)
		}
	}
}

// elements writes an error document as its code and what else it says.
func elements(t *testing.T, doc []byte) string {
	t.Helper()
	var e struct {
		Code  string
		Items []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(doc, &e); err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	out := e.Code
	for _, i := range e.Items {
		switch i.XMLName.Local {
		case "Message", "RequestId", "HostId":
		default:
			out += " " + i.XMLName.Local + "=" + i.Text
		}
	}
	return out
}
