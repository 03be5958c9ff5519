package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// output runs the command line and returns what it printed and its exit code.
func output(t *testing.T, args ...string) (string, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	code := run(args)
	os.Stdout = old
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), code
}

func TestSettingsComeInOrder(t *testing.T) {
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "TARN_") {
			t.Setenv(name, "") // so that it is put back
			os.Unsetenv(name)
		}
	}
	file := filepath.Join(t.TempDir(), "tarn.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"region": "eu-north-1", "account": "111111111111", "log-format": "json", "max-instances": 7, "function-sdks": false}`)
	t.Setenv("TARN_ACCOUNT", "222222222222")
	out, code := output(t, "config", "--json", "--config", file, "--log-format", "text")
	var list []struct{ Name, Value, Source string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
		t.Fatalf("exit %d: %v\n%s", code, err, out)
	}
	got := map[string]string{}
	for _, s := range list {
		got[s.Name] = s.Value + " " + s.Source
	}
	for name, want := range map[string]string{
		"listen": "127.0.0.1:4566 default", "region": "eu-north-1 file", "account": "222222222222 environment", "log-format": "text flag",
		"max-instances": "7 file", "function-sdks": "false file",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}

	for _, bad := range []string{`{"serve": {"listen": "x"}}`, `{"regoin": "eu-north-1"}`, `{"region": ["a"]}`, `[`, `{"max-instances": "many"}`} {
		write(bad)
		if _, code := output(t, "config", "--config", file); code != 2 {
			t.Errorf("%s: exit %d, want 2", bad, code)
		}
	}
}
