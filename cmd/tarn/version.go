package main

import (
	"fmt"
	"runtime"

	"github.com/tarn-data/tarn/internal/app"
)

// versionCmd prints the version.
type versionCmd struct{}

// Run prints version, Go's version and platform.
func (versionCmd) Run() error {
	fmt.Printf("tarn %s %s %s/%s\n", app.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
