package bridge

import (
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/objstore"
)

// ObjectMeter counts writes of objects. Reads change nothing and have no batch; they are counted by the gateway's metrics.
type ObjectMeter struct{ Meter *meter.Meter }

var _ objstore.Recorder = ObjectMeter{}

// ObjectWrite implements objstore.Recorder.
func (m ObjectMeter) ObjectWrite(b *kv.Batch, w objstore.Write) {
	m.Meter.Add(b, w.Object.ModTime, w.Bucket.Scope(), meter.S3Tier1, w.Bucket.Name, 1)
}
