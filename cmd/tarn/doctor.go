package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/tarn-data/tarn/internal/app"
)

// doctorCmd tells what the machine offers.
type doctorCmd struct {
	dataFlag `embed:""`
}

// Run prints a line a finding. It fails when something that Tarn cannot do without is missing.
func (d *doctorCmd) Run(ctx context.Context, c *cli) error {
	findings := app.Diagnose(ctx, d.Data)
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(findings)
	}
	bad := 0
	for _, f := range findings {
		mark := map[app.Grade]string{app.Good: "ok  ", app.Partly: "part", app.Missing: "MISS"}[f.Grade]
		fmt.Printf("%s  %-22s %s\n", mark, f.Name, f.Detail)
		if f.Advice != "" {
			fmt.Printf("      %-22s → %s\n", "", f.Advice)
		}
		if f.Grade == app.Missing {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the things that Tarn needs are missing", bad)
	}
	return nil
}
