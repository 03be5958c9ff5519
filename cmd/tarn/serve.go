package main

import (
	"context"
	"fmt"
	"os"

	"github.com/tarn-data/tarn/internal/app"
)

// serveCmd runs the server until SIGTERM or SIGINT.
type serveCmd struct {
	app.Config `embed:""`
}

// Run serves. The line on stdout is for scripts: it comes when requests are taken.
func (s *serveCmd) Run(ctx context.Context) error {
	a, err := app.Open(ctx, s.Config, os.Stderr)
	if err != nil {
		return err
	}
	return a.Serve(ctx, func(endpoint string) {
		a.Banner(os.Stderr)
		fmt.Printf("tarn ready endpoint=%s data=%s\n", endpoint, a.DataDir())
	})
}
