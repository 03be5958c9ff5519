package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/meter"
)

// costCmd tells what the use would have cost on AWS.
type costCmd struct {
	dataFlag `embed:""`
	Since    time.Duration `help:"How far back." default:"720h" placeholder:"TIME"`
}

// costLine is a row of the bill.
type costLine struct {
	Unit     meter.Unit
	Quantity float64
	Cents    float64
	Note     string
}

// Run prints a line a unit and the sum, at list prices.
func (s *costCmd) Run(ctx context.Context, c *cli) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	var usage []meter.Usage
	since := time.Now().Add(-s.Since).UTC().Format(time.RFC3339)
	if err := cl.get(ctx, http.MethodGet, "/_tarn/cost", url.Values{"since": {since}}, &usage); err != nil {
		return err
	}
	sums := map[meter.Unit]float64{}
	for _, u := range usage {
		sums[u.Unit] += u.Quantity
	}
	var lines []costLine
	total := 0.0
	for unit, q := range sums {
		cents, _ := meter.Cents(unit, q)
		total += cents
		lines = append(lines, costLine{unit, q, cents, meter.Prices[unit].Note})
	}
	slices.SortFunc(lines, func(a, b costLine) int {
		if a.Cents != b.Cents {
			if a.Cents > b.Cents {
				return -1
			}
			return 1
		}
		return len(a.Unit) - len(b.Unit)
	})
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"since": since, "lines": lines, "totalCents": total})
	}
	for _, l := range lines {
		fmt.Printf("%-24s %16s %-34s $%.6f\n", l.Unit, quantity(l.Quantity), l.Note, l.Cents/100)
	}
	fmt.Printf("%-24s %16s %-34s $%.6f\n", "total", "", "at AWS's list prices, us-east-1", total/100)
	return nil
}

func quantity(q float64) string {
	if q == float64(int64(q)) {
		return fmt.Sprint(int64(q))
	}
	return fmt.Sprintf("%.4f", q)
}
