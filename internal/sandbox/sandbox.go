// Package sandbox runs processes that are not ours (functions, job scripts, SQL workers) behind layers that the system
// offers. It holds mistakes and ordinary misuse; it does not claim to hold hostile code.
//
// A child is started through this very binary: the parent runs itself under another name (Main takes over there), which
// sets what belongs to the thread between fork and exec, then becomes the child's program. The layers are:
//
//	base        process group, scrubbed environment, limits on files, core dumps, memory (RLIMIT_DATA), parent-death kill
//	restrict    Linux 5.13 and newer: no_new_privs, Landlock (only listed paths can be opened), seccomp (no ptrace, mounts, bpf …)
//	namespaces  where the system allows: user, pid, mount, ipc and uts namespaces: other processes are invisible, and the
//	            child has a root of its own that holds the system's folders and the listed paths only
//
// Probe tells which of them work here.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Spec describes a child process. The zero value of every limit means no limit of its own.
type Spec struct {
	Argv []string // program, looked up in PATH of Env, and arguments; required
	Env  []string // the whole environment of the child
	Dir  string   // working directory, as the child sees it; required

	ReadOnly  []string          // paths that the child may read and execute; missing ones are skipped
	ReadWrite []string          // paths that the child may also change
	Binds     map[string]string // directory seen by the child → directory shown there; only with namespaces. Read-only unless listed in ReadWrite

	// NoNetwork keeps the child from making sockets of any kind; only with the restrict layer.
	NoNetwork bool

	MemoryBytes  int64 // RLIMIT_DATA
	MaxFileBytes int64 // RLIMIT_FSIZE
	OpenFiles    int   // RLIMIT_NOFILE

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	ExtraFiles     []*os.File // the child's descriptors 3, 4, …
}

// Layers says which layers a Sandbox applies.
type Layers struct {
	Restrict   bool // no_new_privs, Landlock and seccomp
	Namespaces bool
	// Detail has a line for people on each layer: what works, and why another does not.
	Detail []string
}

// Sandbox starts children behind the layers that Probe found.
type Sandbox struct {
	self   string
	layers Layers
}

// ErrIsolation reports that isolation is required and the system does not offer it.
var ErrIsolation = errors.New("isolation is required but this system does not offer Landlock and seccomp")

// Options of a sandbox.
type Options struct {
	// Require makes New fail with ErrIsolation where the restrict layer does not work.
	Require bool
}

// New probes the system and returns a sandbox.
func New(ctx context.Context, opts Options) (*Sandbox, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	s := &Sandbox{self: self, layers: Probe(ctx)}
	if opts.Require && !s.layers.Restrict {
		return nil, ErrIsolation
	}
	return s, nil
}

// Layers returns what the sandbox applies.
func (s *Sandbox) Layers() Layers { return s.layers }

// shimName is the argument zero under which this binary acts as the shim.
const shimName = "tarn-sandbox"

// specEnv carries the plan to the shim, which removes it.
const specEnv = "TARN_SANDBOX_PLAN"

// plan is what the shim carries out.
type plan struct {
	Argv                []string
	Dir                 string
	ReadOnly, ReadWrite []string
	Binds               map[string]string
	Memory, FileBytes   int64
	OpenFiles           int
	Restrict            bool
	Namespaces          bool
	NoNetwork           bool
}

// Command returns a command that runs spec when started. It is killed, with all of its process group, when ctx ends.
// The caller starts it and waits for it.
func (s *Sandbox) Command(ctx context.Context, spec Spec) (*exec.Cmd, error) {
	if len(spec.Argv) == 0 || spec.Dir == "" {
		return nil, errors.New("sandbox: a program and a working directory are required")
	}
	p := plan{
		Argv: spec.Argv, Dir: spec.Dir, ReadOnly: spec.ReadOnly, ReadWrite: spec.ReadWrite, Binds: spec.Binds,
		Memory: spec.MemoryBytes, FileBytes: spec.MaxFileBytes, OpenFiles: spec.OpenFiles,
		Restrict: s.layers.Restrict, Namespaces: s.layers.Namespaces, NoNetwork: spec.NoNetwork,
	}
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("sandbox: encode plan: %w", err)
	}
	c := exec.CommandContext(ctx, s.self)
	c.Args = []string{shimName}
	c.Env = append(append([]string(nil), spec.Env...), specEnv+"="+string(data))
	c.Dir = "/"
	c.Stdin, c.Stdout, c.Stderr, c.ExtraFiles = spec.Stdin, spec.Stdout, spec.Stderr, spec.ExtraFiles
	c.Cancel = func() error { return KillGroup(c) }
	setAttributes(c, s.layers)
	return c, nil
}
