package function_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/function"
)

// short describes the lines of a log in the format JSON: "platform.start", "INFO root text", other text as it is.
func short(t *testing.T, lines []string) []string {
	t.Helper()
	var out []string
	for _, l := range lines {
		var e struct {
			Type, Time, Level, Logger, Timestamp, RequestID, ErrorType, ErrorMessage string
			Message                                                                  json.RawMessage
			Record                                                                   struct {
				Status, ErrorType string
				Metrics           map[string]float64
			}
			StackTrace []string
		}
		if !strings.HasPrefix(l, "{") {
			out = append(out, l)
			continue
		}
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		stamp := e.Timestamp
		text := strings.TrimSpace(strings.Join([]string{e.Level, e.Logger, strings.Trim(string(e.Message), `"`), e.ErrorType, e.ErrorMessage}, " "))
		if e.Type != "" {
			stamp, text = e.Time, strings.TrimSpace(e.Type+" "+e.Record.Status+" "+e.Record.ErrorType)
			if m := e.Record.Metrics; strings.HasSuffix(e.Type, "eport") && m["durationMs"] <= 0 || e.Type == "platform.report" && (m["billedDurationMs"] < 1 || m["memorySizeMB"] != 128 || m["maxMemoryUsedMB"] < 1) {
				t.Errorf("metrics of %s", l)
			}
		} else if e.RequestID == "" && e.Level != "" {
			t.Errorf("no request id: %s", l)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", stamp); err != nil && stamp != "mine" {
			t.Errorf("%s: %v", l, err)
		}
		if len(e.StackTrace) > 0 {
			text += fmt.Sprintf(" (%d frames)", len(e.StackTrace))
		}
		out = append(out, strings.Join(strings.Fields(text), " "))
	}
	return out
}

func jsonConfig(runtime, app, system string) function.Config {
	c := config(runtime)
	c.LogFormat, c.AppLogLevel, c.SystemLevel = "JSON", app, system
	return c
}

const pythonLogs = `
import logging
log = logging.getLogger('mine')
def handler(event, context):
    logging.debug('a debug')
    log.info('an %s', 'info', extra={'order': 7})
    log.warning('a warning\nof two lines')
    print('plain text')
    print('{"level": "debug", "timestamp": "mine", "message": "own", "requestId": "r"}')
    print('{"no": "level", "timestamp": "mine", "requestId": "r"}')
    if event.get('raise'):
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception('caught')
        raise KeyError('thrown')
`

func TestJSONLogs_Python(t *testing.T) {
	f := open(t, nil)
	for _, c := range []struct {
		app, system, payload string
		want                 []string
	}{
		{"", "", "{}", []string{
			"platform.initStart", "platform.start", "INFO mine an info", `WARNING mine a warning\nof two lines`, "plain text", "", "platform.report success"}},
		{"DEBUG", "DEBUG", "{}", []string{
			"platform.initStart", "platform.initRuntimeDone success", "platform.initReport success", "platform.start", "DEBUG root a debug", "INFO mine an info",
			`WARNING mine a warning\nof two lines`, "plain text", "debug own", "", "platform.runtimeDone success", "platform.report success"}},
		{"ERROR", "WARN", `{"raise":true}`, []string{
			"plain text", "ERROR root caught ZeroDivisionError division by zero (1 frames)", "ERROR KeyError 'thrown' (1 frames)", "platform.runtimeDone error KeyError", "platform.report error KeyError"}},
		{"FATAL", "WARN", `{}`, []string{"plain text"}},
	} {
		t.Run(c.app+"-"+c.system, func(t *testing.T) {
			name := "py-" + strings.ToLower(c.app+c.system)
			r := f.make(t, name, jsonConfig("python3.12", c.app, c.system), map[string]string{"app.py": pythonLogs})
			res := f.call(t, r, c.payload)
			lines := strings.Split(strings.TrimSuffix(string(res.LogTail), "\n"), "\n")
			if diff := cmp.Diff(c.want, short(t, lines)); diff != "" {
				t.Error(diff)
			}
			if c.app == "DEBUG" && !strings.Contains(string(res.LogTail), `"order": 7`) {
				t.Errorf("the extra member is missing:\n%s", res.LogTail)
			}
		})
	}
}

const nodeLogs = `exports.handler = async (event) => {
  console.trace('a trace'); console.debug('a debug'); console.log('an %s', 'info'); console.info({ order: 7 })
  console.warn('bad', new RangeError('far')); console.error(new TypeError('odd'))
  const cycle = {}; cycle.self = cycle; console.log(cycle)
  process.stdout.write('plain text\n')
  if (event.raise) throw new Error('thrown')
}`

func TestJSONLogs_Node(t *testing.T) {
	f := open(t, nil)
	r := f.make(t, "info", jsonConfig("nodejs20.x", "INFO", "INFO"), map[string]string{"app.js": nodeLogs})
	res := f.call(t, r, `{}`)
	var lines []string
	for _, l := range short(t, strings.Split(strings.TrimSuffix(string(res.LogTail), "\n"), "\n")) {
		lines = append(lines, l[:min(len(l), 60)])
	}
	want := []string{"platform.initStart", "platform.start", "INFO an info", `INFO {"order":7}`}
	if diff := cmp.Diff(want, lines[:min(len(lines), 4)]); diff != "" {
		t.Error(diff)
	}
	if len(lines) != 9 || !strings.HasPrefix(lines[4], "WARN bad RangeError: far") || !strings.HasPrefix(lines[5], `ERROR {"errorType":"TypeError","errorMessage":"odd","stack`) ||
		!strings.Contains(lines[6], "[Circular *1]") || lines[7] != "plain text" || lines[8] != "platform.report success" {
		t.Errorf("%q", lines)
	}
	if !strings.Contains(string(res.LogTail), `"errorType":"RangeError","errorMessage":"far","stackTrace":["RangeError: far"`) {
		t.Errorf("the error beside the text is missing:\n%s", res.LogTail)
	}

	r = f.make(t, "error", jsonConfig("nodejs20.x", "ERROR", "WARN"), map[string]string{"app.js": nodeLogs})
	res = f.call(t, r, `{"raise":true}`)
	lines = short(t, strings.Split(strings.TrimSuffix(string(res.LogTail), "\n"), "\n"))
	if len(lines) != 5 || !strings.Contains(lines[0], "TypeError") || lines[1] != "plain text" || !strings.Contains(lines[2], `{"errorType":"Error","errorMessage":"thrown"`) ||
		lines[3] != "platform.runtimeDone error Error" || lines[4] != "platform.report error Error" {
		t.Errorf("%q", lines)
	}
}

func TestJSONLogs_EndsOfProcesses(t *testing.T) {
	f := open(t, nil)
	for do, want := range map[string][]string{
		"import os\ndef handler(e, c):\n    os._exit(3)\n":      {"platform.runtimeDone failure Runtime.ExitError", "platform.report failure Runtime.ExitError"},
		"import time\ndef handler(e, c):\n    time.sleep(60)\n": {"platform.runtimeDone timeout", "platform.report timeout"},
		"raise ValueError('at its start')\n":                    {"ERROR ValueError at its start (1 frames)", "platform.runtimeDone error ValueError", "platform.report error ValueError"},
	} {
		cfg := jsonConfig("python3.12", "", "WARN")
		cfg.Timeout = time.Second
		r := f.make(t, fmt.Sprintf("end-%d", len(do)), cfg, map[string]string{"app.py": do})
		var got []string
		for _, l := range strings.Split(strings.TrimSuffix(string(f.call(t, r, `{}`).LogTail), "\n"), "\n") {
			var e struct {
				Type, Level, ErrorType, ErrorMessage string
				StackTrace                           []string
				Record                               struct{ Status, ErrorType string }
			}
			if err := json.Unmarshal([]byte(l), &e); err != nil {
				t.Fatalf("%s: %v", l, err)
			}
			text := strings.Join(strings.Fields(strings.Join([]string{e.Type, e.Level, e.Record.Status, e.Record.ErrorType, e.ErrorType, e.ErrorMessage}, " ")), " ")
			if len(e.StackTrace) > 0 {
				text += fmt.Sprintf(" (%d frames)", len(e.StackTrace))
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
