package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// machine has five states on its path (Pass, Choice, Map, Pass, Succeed); its Map runs a Pass for each of three items:
// eight transitions an execution.
const machine = `{"StartAt":"In","States":{
"In":{"Type":"Pass","Result":{"n":3,"items":[1,2,3]},"ResultPath":"$.d","Next":"Pick"},
"Pick":{"Type":"Choice","Choices":[{"Variable":"$.d.n","NumericGreaterThan":2,"Next":"Each"}],"Default":"Done"},
"Each":{"Type":"Map","ItemsPath":"$.d.items","ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"One","States":{"One":{"Type":"Pass","End":true}}},"ResultPath":"$.out","Next":"Shape"},
"Shape":{"Type":"Pass","Parameters":{"id.$":"$.id","out.$":"$.out"},"Next":"Done"},
"Done":{"Type":"Succeed"}}}`

// wide maps over as many items as its input has.
const wide = `{"StartAt":"Each","States":{"Each":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"One","States":{"One":{"Type":"Pass","End":true}}},"ResultPath":null,"End":true}}}`

const (
	transitions = 8
	executions  = 1000
	wideItems   = 10000
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["lambda.amazonaws.com","states.amazonaws.com"]}}]}`

func makeRole(s *server) (string, error) {
	out, err := s.form("iam", url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"bench"}, "AssumeRolePolicyDocument": {trust}})
	return element(out, "Arn"), err
}

func (c *client) states(op string, in, out any) error {
	return c.json("states", "1.0", "AWSStepFunctions."+op, in, out)
}

func (s *server) machine(name, kind, definition string) (string, error) {
	var out struct{ StateMachineArn string }
	err := s.states("CreateStateMachine", map[string]string{"name": name, "type": kind, "definition": definition, "roleArn": s.role}, &out)
	return out.StateMachineArn, err
}

func (c *client) execute(arn, input string) (string, error) {
	var out struct{ ExecutionArn string }
	err := c.states("StartExecution", map[string]string{"stateMachineArn": arn, "input": input}, &out)
	return out.ExecutionArn, err
}

// ended tells whether an execution has succeeded; one that failed is an error.
func (c *client) ended(arn string) (bool, error) {
	var out struct{ Status, Cause string }
	if err := c.states("DescribeExecution", map[string]string{"executionArn": arn}, &out); err != nil {
		return false, err
	}
	if out.Status != "RUNNING" && out.Status != "SUCCEEDED" {
		return false, fmt.Errorf("execution %s: %s", out.Status, out.Cause)
	}
	return out.Status == "SUCCEEDED", nil
}

func (c *client) await(arn string) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(500 * time.Microsecond) {
		if ok, err := c.ended(arn); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("execution %s did not end within a minute", arn)
}

// sfnMany starts executions with 16 clients and waits until all have ended. A unit is a transition.
func sfnMany(s *server, rep int, _ time.Duration) (sample, error) {
	arn, err := s.machine(fmt.Sprint("many-", rep), "STANDARD", machine)
	if err != nil {
		return sample{}, err
	}
	started := make([]string, executions)
	used, began := s.cpu(), time.Now()
	smp, err := load{workers: 16, calls: executions, op: func(_ int, i int64) (int, error) {
		var err error
		started[i], err = s.execute(arn, fmt.Sprintf(`{"id":%d}`, i))
		return transitions, err
	}}.run(s.cpu)
	if err != nil {
		return smp, err
	}
	for i := len(started) - 1; i >= 0; i-- {
		if err := s.await(started[i]); err != nil {
			return smp, err
		}
	}
	smp.cpu, smp.wall = s.cpu()-used, time.Since(began)
	return smp, nil
}

// batches commits as many synced batches to a plain Pebble store as sfnMany makes transitions, of the size of one.
func batches(dir string, rep int, _ time.Duration) (sample, error) {
	db, err := pebble.Open(filepath.Join(dir, fmt.Sprint("pebble-", rep)), &pebble.Options{Logger: quiet{}})
	if err != nil {
		return sample{}, err
	}
	defer db.Close()
	value := body(600, 5)
	return load{workers: 64, calls: executions * transitions, op: func(_ int, i int64) (int, error) {
		b := db.NewBatch()
		if err := b.Set(fmt.Appendf(nil, "state/%08d", i/transitions), value[:200], nil); err != nil {
			return 0, err
		}
		if err := b.Set(fmt.Appendf(nil, "history/%08d", i), value, nil); err != nil {
			return 0, err
		}
		return 1, b.Commit(pebble.Sync)
	}}.run(selfCPU)
}

// sfnOne is an execution as a client sees it: start it, then ask until it has ended.
func sfnOne(s *server, rep int, d time.Duration) (sample, error) {
	arn, err := s.machine(fmt.Sprint("one-", rep), "STANDARD", machine)
	if err != nil {
		return sample{}, err
	}
	return load{workers: 1, time: d, op: func(_ int, i int64) (int, error) {
		e, err := s.execute(arn, fmt.Sprintf(`{"id":%d}`, i))
		if err != nil {
			return 0, err
		}
		return 1, s.await(e)
	}}.run(s.cpu)
}

// sfnWide runs one inline Map over 10,000 items, in an express execution: a standard one may not have the 40,000 events.
// A unit is an item.
func sfnWide(s *server, rep int, _ time.Duration) (sample, error) {
	arn, err := s.machine(fmt.Sprint("wide-", rep), "EXPRESS", wide)
	if err != nil {
		return sample{}, err
	}
	input := "[" + strings.TrimSuffix(strings.Repeat("1,", wideItems), ",") + "]"
	return load{workers: 1, calls: 1, op: func(int, int64) (int, error) {
		var out struct{ Status, Cause string }
		err := s.states("StartSyncExecution", map[string]string{"stateMachineArn": arn, "input": input}, &out)
		if err == nil && out.Status != "SUCCEEDED" {
			err = fmt.Errorf("execution %s: %s", out.Status, out.Cause)
		}
		return wideItems, err
	}}.run(s.cpu)
}

// function makes a function of Python that returns its event.
func (s *server) function(name string) error {
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	f, err := w.Create("index.py")
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte("def handler(event, context):\n    return event\n")); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	in, err := json.Marshal(map[string]any{
		"FunctionName": name, "Runtime": "python3.12", "Handler": "index.handler", "Role": s.role, "Timeout": 10,
		"Code": map[string]string{"ZipFile": base64.StdEncoding.EncodeToString(z.Bytes())},
	})
	if err != nil {
		return err
	}
	_, _, err = s.do(call{service: "lambda", method: "POST", path: "/2015-03-31/functions", body: in, header: map[string]string{"Content-Type": "application/json"}})
	return err
}

func (s *server) invoke(name string) error {
	out, _, err := s.do(call{service: "lambda", method: "POST", path: "/2015-03-31/functions/" + name + "/invocations", body: []byte(`{"n":1}`)})
	if err == nil && string(bytes.ReplaceAll(out, []byte(" "), nil)) != `{"n":1}` {
		err = fmt.Errorf("function answered %.100s", out)
	}
	return err
}

func lambdaWarm(s *server, rep int, d time.Duration) (sample, error) {
	name := fmt.Sprint("warm-", rep)
	if err := s.function(name); err != nil {
		return sample{}, err
	}
	if err := s.invoke(name); err != nil {
		return sample{}, err
	}
	return load{workers: 1, time: d, op: func(int, int64) (int, error) { return 1, s.invoke(name) }}.run(s.cpu)
}

// lambdaCold invokes functions that were never invoked before.
func lambdaCold(s *server, rep int, _ time.Duration) (sample, error) {
	const n = 5
	for i := range n {
		if err := s.function(fmt.Sprintf("cold-%d-%d", rep, i)); err != nil {
			return sample{}, err
		}
	}
	return load{workers: 1, calls: n, op: func(_ int, i int64) (int, error) { return 1, s.invoke(fmt.Sprintf("cold-%d-%d", rep, i)) }}.run(s.cpu)
}

// interpreter is the Python that python3 stands for: version managers put a shell script in its place.
var interpreter = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

// pythons starts the interpreter as a function needs it at least: with its module for JSON.
func pythons(_ string, _ int, _ time.Duration) (sample, error) {
	python, err := interpreter()
	if err != nil {
		return sample{}, fmt.Errorf("find Python: %w", err)
	}
	children := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &r); err != nil {
			panic("BUG: getrusage of the children: " + err.Error())
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return load{workers: 1, calls: 5, op: func(int, int64) (int, error) {
		c := exec.CommandContext(context.Background(), python, "-I", "-c", "import json")
		c.Stderr = os.Stderr
		return 1, c.Run()
	}}.run(children)
}

// quiet drops what Pebble says about its files.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic("pebble: " + fmt.Sprintf(format, args...))
}
