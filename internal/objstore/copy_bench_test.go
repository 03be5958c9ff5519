package objstore

import (
	"bytes"
	"fmt"
	"testing"
)

// A copy of a small object writes a row and a body; of a larger one, a row and references.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{500, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			e := newEnv(b)
			e.bucket("bkt")
			e.put("bkt", "k", bytes.Repeat([]byte("x"), size))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := e.Copy(b.Context(), &CopyRequest{SourceBucket: "bkt", SourceKey: "k", Bucket: "bkt", Key: "copy"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
