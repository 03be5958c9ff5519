package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/objstore"
)

// adminFile holds the token with which the command line asks for what no AWS service has. It is made anew at each start
// and readable by the owner of the data directory only.
const adminFile = "admin-token"

// ReadAdminToken returns the token of the server that runs for a data directory.
func ReadAdminToken(data string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, adminFile))
	return strings.TrimSpace(string(text)), err
}

func (a *App) writeAdminToken() error {
	a.admin = ident.Hex(24)
	return replaceFile(filepath.Join(a.cfg.Data, adminFile), []byte(a.admin+"\n"))
}

// adminRoutes adds what the owner of the data directory may ask.
func (a *App) adminRoutes(mux *http.ServeMux) {
	add := func(pattern string, serve func(ctx context.Context, r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !a.isAdmin(w, r) {
				return
			}
			out, err := serve(r.Context(), r)
			w.Header().Set("Content-Type", "application/json")
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				out = map[string]string{"error": err.Error()}
			}
			_ = json.NewEncoder(w).Encode(out) // the client may be gone
		})
	}
	add("POST /_tarn/compare", func(ctx context.Context, r *http.Request) (any, error) {
		q := r.URL.Query()
		return a.compare(ctx, q.Get("bucket"), q.Get("left"), q.Get("right"))
	})
	add("GET /_tarn/queue/messages", a.peekQueue)
	add("GET /_tarn/execution", func(ctx context.Context, r *http.Request) (any, error) {
		return a.execution(ctx, r.URL.Query().Get("arn"))
	})
	add("GET /_tarn/lineage", func(ctx context.Context, r *http.Request) (any, error) {
		depth, err := strconv.Atoi(r.URL.Query().Get("depth"))
		if err != nil || depth < 1 {
			depth = 20
		}
		return Lineage(ctx, a.Store, a.cfg.Account, a.cfg.Region, r.URL.Query().Get("asset"), depth)
	})
	add("GET /_tarn/cost", func(ctx context.Context, r *http.Request) (any, error) {
		since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
		if err != nil {
			return nil, fmt.Errorf("since: %w", err)
		}
		return meter.Sum(ctx, a.Store, a.cfg.Account, since)
	})
	add("POST /_tarn/results", func(ctx context.Context, r *http.Request) (any, error) {
		loc, err := a.resultsBucket(ctx)
		return map[string]string{"Location": loc}, err
	})
	mux.HandleFunc("POST /_tarn/backup", a.serveBackup)
}

// resultsBucket returns where results of queries go that name no place, and makes the bucket if it is not there.
func (a *App) resultsBucket(ctx context.Context) (string, error) {
	scope := ident.Scope{Account: a.cfg.Account, Region: a.cfg.Region}
	name := "aws-athena-query-results-" + scope.Account + "-" + scope.Region
	if _, err := a.Objects.CreateBucket(ctx, scope, name); err != nil && !errors.Is(err, objstore.ErrBucketOwnedByYou) {
		return "", fmt.Errorf("make the bucket for results: %w", err)
	}
	return "s3://" + name + "/", nil
}

// Lineage traces an asset, given as s3://BUCKET/KEY or as a table, DATABASE.TABLE, back to what it was made from.
func Lineage(ctx context.Context, r kv.Reader, account, region, asset string, depth int) (lineage.Node, error) {
	if !strings.HasPrefix(asset, "s3://") && !strings.HasPrefix(asset, "table:") {
		db, table, ok := strings.Cut(asset, ".")
		if !ok {
			return lineage.Node{}, fmt.Errorf("%q: want s3://BUCKET/KEY, s3://BUCKET/PREFIX/ or DATABASE.TABLE", asset)
		}
		asset = lineage.Table(region, strings.ToLower(db), strings.ToLower(table), "").Name
	}
	n, err := lineage.Trace(ctx, r, account, lineage.Asset{Name: asset}, depth)
	if err == nil && n.Run == nil {
		err = fmt.Errorf("nothing is recorded about %s: it came from outside, or does not exist", asset)
	}
	return n, err
}
