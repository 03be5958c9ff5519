package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/tarn-data/tarn/internal/app"
)

// dataFlag says which installation a command is about.
type dataFlag struct {
	Data string `help:"Data directory of the server." default:"./tarn-data" env:"TARN_DATA" placeholder:"DIR"`
}

// envCmd prints the variables that AWS tools read.
type envCmd struct {
	dataFlag `embed:""`
	Shell    string `help:"sh, fish, powershell or json." default:"sh" enum:"sh,fish,powershell,json"`
	Listen   string `help:"Address of the server, where it does not run." default:"127.0.0.1:4566" env:"TARN_LISTEN" placeholder:"HOST:PORT"`
}

// Run prints one variable a line. It works whether the server runs or not, once it has run.
func (e *envCmd) Run(c *cli) error {
	k, err := app.ReadRootKey(e.Data)
	if err != nil {
		return err
	}
	endpoint, ok := app.ReadEndpoint(e.Data)
	if !ok {
		endpoint = "http://" + e.Listen
	}
	vars := [][2]string{
		{"AWS_ENDPOINT_URL", endpoint}, {"AWS_ACCESS_KEY_ID", k.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", k.SecretAccessKey},
		{"AWS_REGION", k.Region}, {"AWS_DEFAULT_REGION", k.Region},
	}
	shell := e.Shell
	if c.JSON {
		shell = "json"
	}
	if shell == "json" {
		doc := map[string]string{}
		for _, v := range vars {
			doc[v[0]] = v[1]
		}
		return json.NewEncoder(os.Stdout).Encode(doc)
	}
	for _, v := range vars {
		switch shell {
		case "fish":
			fmt.Printf("set -gx %s %s\n", v[0], quote(v[1]))
		case "powershell":
			fmt.Printf("$Env:%s = '%s'\n", v[0], strings.ReplaceAll(v[1], "'", "''"))
		default:
			fmt.Printf("export %s=%s\n", v[0], quote(v[1]))
		}
	}
	return nil
}

// quote writes a word so that a shell reads it as it is; plain words stay bare.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-+=") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
