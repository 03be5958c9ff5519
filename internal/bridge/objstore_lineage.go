package bridge

import (
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/objstore"
)

// ObjectWrites counts writes of objects and keeps what was copied from what. Reads change nothing and have no batch; they
// are counted by the gateway's metrics.
type ObjectWrites struct{ ObjectMeter }

var _ objstore.Recorder = ObjectWrites{}

// ObjectWrite implements objstore.Recorder.
func (w ObjectWrites) ObjectWrite(b *kv.Batch, ow objstore.Write) {
	w.ObjectMeter.ObjectWrite(b, ow)
	// A copy that nobody asked for is a part of a run that leaves its own record: a job's publication.
	if ow.Source == nil || ow.By == (objstore.Actor{}) {
		return
	}
	id := ow.By.RequestID
	if id == "" {
		id = ident.UUID()
	}
	lineage.Record(b, lineage.Run{
		ID: id, Kind: "copy", Subject: ow.By.PrincipalID, At: ow.Object.ModTime, Account: ow.Bucket.Account,
		Inputs:  []lineage.Asset{objectAsset(ow.Source)},
		Outputs: []lineage.Asset{objectAsset(ow.Object)},
	})
}

func objectAsset(o *objstore.Object) lineage.Asset {
	v := o.Version
	if v == "" || v == objstore.NullVersion {
		v = o.ETag
	}
	return lineage.Object(o.Bucket, o.Key, v)
}
