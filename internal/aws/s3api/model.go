// Package s3api is the wire of Amazon S3: it turns requests into calls of the object store.
package s3api

import (
	_ "embed"
	"sync"

	"github.com/tarn-data/tarn/internal/aws/model"
)

//go:embed model_gen.json.gz
var packed []byte

// Model returns the service's model. It is parsed on first use.
var Model = sync.OnceValue(func() *model.Model {
	m := model.MustParseGzip(packed)
	// The pattern of a copy's source is about the text as it is decoded: many clients escape the slash too. The handler looks.
	for _, op := range []string{"CopyObject", "UploadPartCopy"} {
		for _, member := range m.Ops[op].In.Members {
			if member.Name == "CopySource" {
				member.Shape.Pattern = nil
			}
		}
	}
	return m
})
