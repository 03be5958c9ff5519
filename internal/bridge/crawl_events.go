package bridge

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/crawl"
	"github.com/tarn-data/tarn/internal/etl"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// CrawlEvents tells triggers and the default bus of the ends of crawls, in the batch of the end.
//
// Source: "AWS Glue events" in the Amazon EventBridge event reference.
type CrawlEvents struct {
	Events *event.Engine
	Logger *slog.Logger
}

var _ crawl.Events = CrawlEvents{}

// Crawled implements crawl.Events.
func (c CrawlEvents) Crawled(b *kv.Batch, scope ident.Scope, r crawl.Run) {
	state, detailState := etl.Succeeded, "Succeeded"
	switch r.State {
	case "FAILED":
		state, detailState = etl.Failed, "Failed"
	case "STOPPED":
		state, detailState = etl.Cancelled, "Stopped"
	}
	etl.NoteCrawl(b, scope, etl.CrawlEnd{Crawler: r.Crawler, ID: r.ID, State: state, Error: r.Error, At: r.End})
	if state == etl.Cancelled {
		return // Glue has no event of it
	}
	d := map[string]string{"crawlerName": r.Crawler, "state": detailState, "accountId": scope.Account, "message": "Crawler " + detailState, "warningMessage": "N/A"}
	if state == etl.Failed {
		d["errorMessage"] = r.Error
	} else {
		d["completionDate"] = r.End.UTC().Format(time.RFC3339)
		d["runningTime (sec)"] = strconv.Itoa(int(r.End.Sub(r.Start) / time.Second))
		for name, n := range map[string]int{
			"tablesCreated": len(r.Created), "tablesUpdated": len(r.Updated), "tablesDeleted": len(r.Deleted),
			"partitionsCreated": r.PartsNew, "partitionsUpdated": r.PartsUpd, "partitionsDeleted": r.PartsDel,
		} {
			d[name] = strconv.Itoa(n)
		}
	}
	detail, err := json.Marshal(d)
	if err != nil {
		panic("BUG: encode event: " + err.Error())
	}
	bus := event.BusRef{Scope: scope, Name: "default"}
	if _, err := c.Events.Emit(b, bus, event.Event{Source: "aws.glue", DetailType: "Glue Crawler State Change", Detail: detail}); err != nil {
		c.Logger.Error("put the end of a crawl on the bus", "crawler", r.Crawler, "err", err)
	}
}
