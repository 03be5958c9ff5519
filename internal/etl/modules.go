package etl

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

const maxModuleBytes = 256 << 20

// requirement is a package by name with bounds of its version. Paths and URLs would let pip run the code of what they name.
var requirement = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9_,-]+\])?([=<>!~]=?[A-Za-z0-9.*]+)?$`)

// modules fetches what a run's arguments add to its script, and returns what belongs on Python's path:
// --extra-py-files (modules and archives of modules), --extra-files (copied to the working folder) and
// --additional-python-modules (packages for pip, as wheels only: nothing of them runs before the script does).
func (e *execution) modules(ctx context.Context, python pythonEnv, dir string) ([]string, error) {
	extra := filepath.Join(dir, "modules")
	if err := os.Mkdir(extra, 0o755); err != nil {
		return nil, err
	}
	onPath := []string{extra}
	for _, url := range list(e.args["--extra-py-files"]) {
		file, err := e.fetch(ctx, url, extra)
		if err != nil {
			return nil, err
		}
		if ext := filepath.Ext(file); ext == ".zip" || ext == ".egg" || ext == ".whl" {
			onPath = append(onPath, file)
		}
	}
	for _, url := range list(e.args["--extra-files"]) {
		if _, err := e.fetch(ctx, url, dir); err != nil {
			return nil, err
		}
	}
	if wanted := list(e.args["--additional-python-modules"]); len(wanted) > 0 {
		for i, m := range wanted {
			if strings.HasPrefix(m, "s3://") && strings.HasSuffix(m, ".whl") {
				file, err := e.fetch(ctx, m, extra)
				if err != nil {
					return nil, err
				}
				wanted[i] = file
			} else if !requirement.MatchString(m) {
				return nil, fmt.Errorf("%w: %q in --additional-python-modules: want NAME, NAME==VERSION or s3://BUCKET/FILE.whl", ErrBadInput, m)
			}
		}
		e.say(ErrorGroup, "INFO installing "+strings.Join(wanted, ", "))
		pip := []string{"-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "--target", extra}
		if err := watched(exec.CommandContext(ctx, python.path, append(pip, wanted...)...), nil); err != nil {
			return nil, fmt.Errorf("install --additional-python-modules: %w", err)
		}
	}
	return onPath, nil
}

func (e *execution) fetch(ctx context.Context, url, dir string) (file string, err error) {
	data, err := e.svc.opts.Objects.Read(ctx, e.scope, e.run.Role, url, maxModuleBytes)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", url, err)
	}
	file = filepath.Join(dir, path.Base(url))
	return file, os.WriteFile(file, data, 0o644)
}

// list splits an argument at its commas.
func list(arg string) []string {
	var items []string
	for item := range strings.SplitSeq(arg, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
