package app

import (
	"fmt"
	"io"
)

// DataDir returns the absolute path of the data directory.
func (a *App) DataDir() string { return a.cfg.Data }

// Banner tells the person who starts the server how to use it and what to know.
func (a *App) Banner(w io.Writer) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	say("Tarn %s serves the AWS services at %s, account %s.", Version, a.endpoint, a.cfg.Account)
	say("Point your tools at it:  eval \"$(tarn env --data %s)\"", a.cfg.Data)
	if a.cfg.InsecureDev {
		say("WARNING: --insecure-dev accepts any access key as the account's root, which also stands for roles that do not exist.")
	}
	for _, line := range a.Sandbox.Layers().Detail {
		say("Isolation of functions and jobs: %s", line)
	}
}
