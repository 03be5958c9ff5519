package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/tarn-data/tarn/internal/app"
)

// configCmd prints the settings that serve would use.
type configCmd struct {
	app.Config `embed:""`
}

// Run prints one setting a line: its name, its value, where that comes from, and the variable that sets it.
func (s *configCmd) Run(c *cli, k *kong.Context) error {
	if err := s.Validate(); err != nil {
		return err
	}
	type setting struct {
		Name, Value, Source, Variable, Help string
	}
	var list []setting
	for _, f := range k.Selected().Flags {
		if len(f.Envs) == 0 || f.Name == "config" {
			continue
		}
		list = append(list, setting{f.Name, fmt.Sprint(reflect.Indirect(f.Target).Interface()), source(k, f), f.Envs[0], f.Help})
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(list)
	}
	for _, s := range list {
		fmt.Printf("%-18s %-24s %-12s %-26s %s\n", s.Name, s.Value, s.Source, s.Variable, s.Help)
	}
	return nil
}
