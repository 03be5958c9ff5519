// Package schedulerapi is the wire of Amazon EventBridge Scheduler: it turns requests into calls of the scheduler engine.
package schedulerapi

import (
	_ "embed"
	"sync"

	"github.com/tarn-data/tarn/internal/aws/model"
)

//go:embed model_gen.json.gz
var packed []byte

// Model returns the service's model. It is parsed on first use.
var Model = sync.OnceValue(func() *model.Model { return model.MustParseGzip(packed) })
