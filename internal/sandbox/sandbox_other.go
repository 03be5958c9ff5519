//go:build !linux

package sandbox

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// Main does nothing: this system needs no shim.
func Main() {}

func setAttributes(c *exec.Cmd, _ Layers) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// KillGroup kills a started command with all the processes of its group.
func KillGroup(c *exec.Cmd) error {
	if c.Process == nil {
		return os.ErrProcessDone
	}
	return syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
}

// Probe reports that this system offers none of the layers.
func Probe(context.Context) Layers {
	return Layers{Detail: []string{"restrict: no (Linux only)", "namespaces: no (Linux only)"}}
}

// Group is what the processes of a process group use together.
type Group struct {
	ResidentBytes int64
	Processes     int
}

// Usage is not known on this system.
func Usage() map[int]Group { return nil }
