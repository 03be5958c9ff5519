package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/app"
)

// statusCmd tells whether the server runs.
type statusCmd struct {
	dataFlag `embed:""`
}

// Run prints where the server is and which services it has. Exit code 3 = it does not run.
func (s *statusCmd) Run(ctx context.Context, c *cli) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, cl.endpoint+"/_tarn/health", nil)
	if err != nil {
		return err
	}
	var h app.Health
	if err := cl.do(r, &h); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"endpoint": cl.endpoint, "account": cl.key.Account, "region": cl.key.Region, "health": h})
	}
	fmt.Printf("server    %s (%s), version %s\n", cl.endpoint, h.Status, h.Version)
	fmt.Printf("account   %s, region %s\n", cl.key.Account, cl.key.Region)
	var names []string
	for n := range h.Services {
		names = append(names, n)
	}
	slices.Sort(names)
	fmt.Printf("services  %s\n", strings.Join(names, " "))
	for _, line := range h.Preparing {
		fmt.Printf("preparing %s\n", line)
	}
	if h.Mail.Relay != "" {
		fmt.Printf("mail      by %s\n", h.Mail.Relay)
	} else if h.Mail.Waiting > 0 {
		fmt.Printf("mail      %d in %s: no relay is configured (tarn serve --smtp HOST:PORT)\n", h.Mail.Waiting, filepath.Join(s.Data, h.Mail.Folder))
	}
	return nil
}
