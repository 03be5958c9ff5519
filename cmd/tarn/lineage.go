package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/lineage"
)

// lineageCmd traces data back.
type lineageCmd struct {
	dataFlag `embed:""`
	Asset    string `arg:"" help:"s3://BUCKET/KEY, s3://BUCKET/PREFIX/ or DATABASE.TABLE."`
	Depth    int    `help:"Runs to go back." default:"20"`
}

// Run prints a tree: what was made, by which run, from what.
func (l *lineageCmd) Run(ctx context.Context, c *cli) error {
	cl, err := l.connect()
	if err != nil {
		return err
	}
	var n lineage.Node
	if err := cl.get(ctx, http.MethodGet, "/_tarn/lineage", url.Values{"asset": {l.Asset}, "depth": {strconv.Itoa(l.Depth)}}, &n); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(n)
	}
	printNode(n, "", "")
	return nil
}

// maxShown is how many inputs of a run are printed.
const maxShown = 12

func printNode(n lineage.Node, first, rest string) {
	name := n.Asset.Name
	if n.Asset.Version != "" {
		name += "  (" + short(n.Asset.Version) + ")"
	}
	fmt.Println(first + name)
	if n.Seen {
		fmt.Println(rest + "  … see above")
		return
	}
	if n.Run == nil {
		return
	}
	fmt.Printf("%s  ← %s %s at %s%s\n", rest, n.Run.Kind, n.Run.Subject[strings.LastIndexByte(n.Run.Subject, ':')+1:], n.Run.At.Local().Format(time.DateTime), rows(n.Run.Rows))
	for i, s := range n.Sources {
		last := i == len(n.Sources)-1
		if i == maxShown {
			fmt.Printf("%s  └─ and %d more\n", rest, len(n.Sources)-i)
			return
		}
		if last {
			printNode(s, rest+"  └─ ", rest+"     ")
		} else {
			printNode(s, rest+"  ├─ ", rest+"  │  ")
		}
	}
}

func short(v string) string {
	if len(v) > 12 {
		return v[:12]
	}
	return v
}

func rows(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d rows", n)
}
