package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// server is a process under measurement, with all its descendants. Its figures come from /proc, so Linux alone.
type server struct {
	name     string
	services string // of a peer: the first parts of the names of its workloads; "" for Tarn and the floor
	role     string // ARN of a role for functions and state machines; Tarn's alone
	cmd      *exec.Cmd
	done     chan error
	*client
}

// freeAddr returns a loopback address with a port that was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start runs a server and waits until GET path is answered with a status below 500. Its output goes to a file in dir.
func start(name, dir, addr, path string, cred sigv4.Credential, argv ...string) (*server, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{name: name, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan error, 1), client: newClient("http://"+addr, cred)}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.done <- s.cmd.Wait() }()
	probe := http.Client{Timeout: 2 * time.Second}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-s.done:
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("%s ended before it answered (%v): %.500s", name, err, said)
		default:
		}
		if resp, err := probe.Get("http://" + addr + path); err == nil {
			if err := resp.Body.Close(); err == nil && resp.StatusCode < 500 {
				return s, nil
			}
		}
	}
	s.stop()
	said, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("%s did not answer for a minute: %.500s", name, said)
}

func (s *server) stop() {
	if s == nil {
		return
	}
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(12 * time.Second):
		err = errors.Join(err, fmt.Errorf("had to be killed"))
		err = errors.Join(err, s.cmd.Process.Kill())
		<-s.done
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "stop %s: %v\n", s.name, err)
	}
}

// cpu is the user and system time of the process tree, with that of its children that have ended.
func (s *server) cpu() time.Duration {
	if s.cmd == nil {
		return 0 // it runs in this process
	}
	type process struct{ parent, ticks int64 }
	all := map[int64]process{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, d := range dirs {
		b, err := os.ReadFile(d + "/stat")
		if err != nil {
			continue // it ended meanwhile
		}
		f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(f) < 15 {
			continue
		}
		n := func(i int) int64 { v, _ := strconv.ParseInt(string(f[i]), 10, 64); return v }
		pid, _ := strconv.ParseInt(filepath.Base(d), 10, 64)
		all[pid] = process{n(1), n(11) + n(12) + n(13) + n(14)}
	}
	root, ticks := int64(s.cmd.Process.Pid), int64(0)
	for pid, p := range all {
		for up := pid; up > 1; up = all[up].parent {
			if up == root {
				ticks += p.ticks
				break
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 everywhere that Linux runs today
}

// selfCPU is the user and system time of this process.
func selfCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic("BUG: getrusage of oneself: " + err.Error())
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// environment reads what `tarn env` prints for shells.
func environment(tarn, data string) (cred sigv4.Credential, err error) {
	out, err := exec.Command(tarn, "env", "--data", data, "--shell", "sh").Output()
	if err != nil {
		return cred, fmt.Errorf("run tarn env: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		v = strings.Trim(v, `'"`)
		switch k {
		case "AWS_ACCESS_KEY_ID":
			cred.AccessKeyID = v
		case "AWS_SECRET_ACCESS_KEY":
			cred.Secret = v
		}
	}
	if cred.Secret == "" {
		return cred, fmt.Errorf("tarn env printed no keys: %.200s", out)
	}
	return cred, nil
}
