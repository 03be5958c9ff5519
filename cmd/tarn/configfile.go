package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// configFile is a file of settings: an object whose keys are names of flags.
type configFile map[string]json.RawMessage

// readConfig implements kong.ConfigurationLoader.
func readConfig(r io.Reader) (kong.Resolver, error) {
	var f configFile
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		return nil, fmt.Errorf("want a JSON object whose keys are names of flags: %w", err)
	}
	return f, nil
}

// Validate implements kong.Resolver: a key that is no setting is an error, since it is a typing mistake.
func (f configFile) Validate(app *kong.Application) error {
	var names []string
	for _, c := range app.Leaves(false) {
		if c.Name == "config" {
			for _, flag := range c.Flags {
				if len(flag.Envs) > 0 {
					names = append(names, flag.Name)
				}
			}
		}
	}
	for key := range f {
		if !slices.Contains(names, key) {
			return fmt.Errorf("config file: %q is not a setting; want one of %s", key, strings.Join(names, ", "))
		}
	}
	return nil
}

// Resolve implements kong.Resolver. A variable of the environment goes before the file.
func (f configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	raw, ok := f[flag.Name]
	if !ok || len(flag.Envs) == 0 || fromEnv(flag) {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("config file: %s: %w", flag.Name, err)
	}
	switch v.(type) {
	case string, bool, float64:
		return v, nil
	}
	return nil, fmt.Errorf("config file: %s: %s: want a string, a number, true or false", flag.Name, raw)
}

// fromEnv reports whether a variable sets the flag.
func fromEnv(flag *kong.Flag) bool {
	return slices.ContainsFunc(flag.Envs, func(name string) bool {
		_, ok := os.LookupEnv(name)
		return ok
	})
}

// source tells where a setting's value comes from: "flag", "environment", "file" or "default".
func source(k *kong.Context, flag *kong.Flag) string {
	for _, p := range slices.Backward(k.Path) {
		if p.Flag != flag {
			continue
		}
		if p.Resolved {
			return "file"
		}
		return "flag"
	}
	if fromEnv(flag) {
		return "environment"
	}
	return "default"
}
