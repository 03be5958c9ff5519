package etl

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// choose decides on which engine a script runs, and says why: asked is what --tarn-engine says.
func (e *environments) choose(ctx context.Context, command, asked, script string) (engine, why string, err error) {
	switch {
	case command == "pythonshell":
		return "shell", "a Python shell job", nil
	case asked == "sail" || asked == "spark":
		return asked, "as --tarn-engine says", nil
	case asked != "" && asked != "auto":
		return "", "", fmt.Errorf("%w: engine %q: want auto, sail or spark", ErrBadInput, asked)
	}
	found, err := e.scan(ctx, script)
	if err != nil {
		return "", "", err
	}
	if found != "" {
		return "spark", "the script uses " + found, nil
	}
	return "sail", "the script uses only what is verified to give Spark's results", nil
}

// scan returns the first thing in a script that is not verified on Sail, "" if there is none.
func (e *environments) scan(ctx context.Context, script string) (string, error) {
	python, _, err := e.base(ctx)
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, python, "-I", filepath.Join(e.shim, "tarn_job", "scan.py"))
	c.Stdin = strings.NewReader(script)
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("look through the script: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
