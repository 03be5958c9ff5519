package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// Main takes over when this process was started as the shim; it does not return then. Every program that uses a
// Sandbox calls it first thing in main, and every test binary in TestMain.
func Main() {
	if len(os.Args) == 0 || os.Args[0] != shimName {
		return
	}
	runtime.LockOSThread()
	if err := shim(); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(125)
	}
}

const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

func setAttributes(c *exec.Cmd, l Layers) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if l.Namespaces {
		c.SysProcAttr.Cloneflags = namespaces
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
}

// KillGroup kills a started command with all the processes of its group.
func KillGroup(c *exec.Cmd) error {
	if c.Process == nil {
		return os.ErrProcessDone
	}
	err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Probe finds out which layers work on this system by trying them.
func Probe(ctx context.Context) Layers {
	var l Layers
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno != 0:
		l.Detail = append(l.Detail, "restrict: no ("+errno.Error()+" from Landlock; Linux 5.13 or newer with Landlock enabled is needed)")
	case auditArch == 0:
		l.Detail = append(l.Detail, "restrict: no (no system call filter for this processor)")
	default:
		l.Restrict = true
		l.Detail = append(l.Detail, fmt.Sprintf("restrict: yes (Landlock ABI %d, seccomp, no_new_privs)", abi))
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "/bin/true")
	setAttributes(c, Layers{Namespaces: true})
	if err := c.Run(); err != nil {
		l.Detail = append(l.Detail, "namespaces: no ("+err.Error()+"); children see other processes' names")
	} else {
		l.Namespaces = true
		l.Detail = append(l.Detail, "namespaces: yes (user, pid, mount, ipc, uts)")
	}
	return l
}

func shim() error {
	var p plan
	if err := json.Unmarshal([]byte(os.Getenv(specEnv)), &p); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	if err := os.Unsetenv(specEnv); err != nil {
		return err
	}
	if p.Namespaces {
		if err := newRoot(p); err != nil {
			return err
		}
	}
	if err := os.Chdir(p.Dir); err != nil {
		return fmt.Errorf("enter working directory: %w", err)
	}
	path, err := exec.LookPath(p.Argv[0])
	if err != nil {
		return err
	}
	if err := limits(p); err != nil {
		return err
	}
	if p.Restrict {
		if err := restrict(p); err != nil {
			return err
		}
	}
	return fmt.Errorf("start %s: %w", path, syscall.Exec(path, p.Argv, os.Environ()))
}

func limits(p plan) error {
	set := func(name string, what int, max uint64) error {
		var have unix.Rlimit
		if err := unix.Getrlimit(what, &have); err == nil && have.Max < max {
			max = have.Max
		}
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: max, Max: max}); err != nil {
			return fmt.Errorf("set limit of %s to %d: %w", name, max, err)
		}
		return nil
	}
	err := set("core files", unix.RLIMIT_CORE, 0)
	if p.OpenFiles > 0 {
		err = errors.Join(err, set("open files", unix.RLIMIT_NOFILE, uint64(p.OpenFiles)))
	}
	if p.FileBytes > 0 {
		err = errors.Join(err, set("file size", unix.RLIMIT_FSIZE, uint64(p.FileBytes)))
	}
	if p.Memory > 0 {
		err = errors.Join(err, set("memory", unix.RLIMIT_DATA, uint64(p.Memory)))
	}
	return err
}

// systemPaths are readable for every child: programs, libraries and their configuration.
var systemPaths = []string{"/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/run/systemd/resolve"}

func restrict(p plan) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	rules := []landlock.Rule{
		landlock.RODirs(systemPaths...).IgnoreIfMissing(),
		landlock.RWFiles("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full", "/dev/tty").IgnoreIfMissing(),
		landlock.RWDirs("/dev/shm").IgnoreIfMissing(),
	}
	add := func(paths []string, dirs, files func(...string) landlock.FSRule) {
		for _, path := range paths {
			if st, err := os.Stat(path); err != nil {
				continue
			} else if st.IsDir() {
				rules = append(rules, dirs(path))
			} else {
				rules = append(rules, files(path))
			}
		}
	}
	add(p.ReadOnly, landlock.RODirs, landlock.ROFiles)
	add(p.ReadWrite, landlock.RWDirs, landlock.RWFiles)
	if p.Namespaces {
		for target := range p.Binds {
			add([]string{target}, landlock.RODirs, landlock.ROFiles)
		}
	}
	if err := landlock.V5.BestEffort().RestrictPaths(rules...); err != nil {
		return fmt.Errorf("restrict files with Landlock: %w", err)
	}
	if err := filterCalls(p.NoNetwork); err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return nil
}

// Group is what the processes of a process group use together.
type Group struct {
	ResidentBytes int64
	Processes     int
}

// Usage returns what each process group on the machine uses, by /proc.
func Usage() map[int]Group {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	page := int64(os.Getpagesize())
	groups := map[int]Group{}
	for _, e := range procs {
		if name := e.Name(); name[0] < '0' || name[0] > '9' {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (comm) state ppid pgrp …; comm may hold anything up to the last parenthesis
		f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(f) < 22 {
			continue
		}
		pgrp, err1 := strconv.Atoi(string(f[2]))
		rss, err2 := strconv.ParseInt(string(f[21]), 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		g := groups[pgrp]
		g.ResidentBytes += rss * page
		g.Processes++
		groups[pgrp] = g
	}
	return groups
}
