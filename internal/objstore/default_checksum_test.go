package objstore

import (
	"strings"
	"testing"
)

// TestDefaultChecksum expects objects whose writers send no checksum to have a CRC64NVME, which is of all bytes however
// they came. The first value is one that S3 gave.
func TestDefaultChecksum(t *testing.T) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("bkt")
	if got := e.put("bkt", "k", []byte("test")).Checksum; got != (Checksum{CRC64NVME, FullObject, "+bu+zv66sUM="}) {
		t.Errorf("checksum of a small object: %+v", got)
	}
	first, last := []byte(strings.Repeat("a", MinPartBytes)), []byte("the rest")
	want := e.put("bkt", "whole", append(append([]byte(nil), first...), last...)).Checksum

	u, err := e.CreateUpload(ctx, Upload{Bucket: "bkt", Key: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	var parts []Part
	for i, body := range [][]byte{first, last} {
		c := Content{Body: strings.NewReader(string(body)), Size: int64(len(body))}
		if i == 1 {
			c.Checksum.Algorithm = CRC32 // what the writer of a part sends does not matter
		}
		p, err := e.PutPart(ctx, "bkt", "parts", u.ID, i+1, c)
		if err != nil {
			t.Fatal(err)
		}
		if sent := p.Checksum.Value != ""; sent != (i == 1) {
			t.Errorf("checksum of part %d for its writer: %+v", i+1, p.Checksum)
		}
		parts = append(parts, Part{Number: p.Number, ETag: p.ETag})
	}
	_, list, _, err := e.Parts(ctx, "bkt", "parts", u.ID, 0, 10)
	if err != nil || len(list) != 2 || list[1].Checksum.Algorithm != "" {
		t.Errorf("parts: %+v, %v", list, err)
	}
	o, err := e.Complete(ctx, &CompleteRequest{Bucket: "bkt", Key: "parts", ID: u.ID, Parts: parts, Size: -1})
	if err != nil || o.Checksum != want {
		t.Errorf("checksum of the parts: %+v, %v; want %+v", o, err, want)
	}
}
