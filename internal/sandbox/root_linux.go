package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mountPoint shows a source of the host at a path of the child's own root.
type mountPoint struct {
	target, source string
	required       bool
}

// newRoot gives the child a root of its own: an empty file system into which the system's folders, the paths that the
// plan allows and its binds are mounted. What is not listed does not exist for the child, wherever on the host it
// lies. The host's root is gone when it returns.
func newRoot(p plan) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	list := mountPoints(p)
	// The new root is mounted over /tmp, where sources may lie: take hold of them first.
	sources := make([]int, len(list))
	for i, m := range list {
		fd, err := unix.Open(m.source, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			if m.required {
				return fmt.Errorf("open %s: %w", m.source, err)
			}
			fd = -1
		}
		sources[i] = fd
	}
	links := map[string]string{} // /bin → usr/bin where the host has it so
	for _, dir := range systemPaths {
		if to, err := os.Readlink(dir); err == nil {
			links[dir] = to
		}
	}
	const base = "/tmp"
	if err := unix.Mount("tmpfs", base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=16m"); err != nil {
		return fmt.Errorf("mount own root: %w", err)
	}
	for name, to := range links {
		if err := os.Symlink(to, base+name); err != nil {
			return err
		}
	}
	for i, m := range list {
		if _, linked := links[m.target]; linked || sources[i] < 0 {
			continue
		}
		if err := attach(base+m.target, sources[i]); err != nil && m.required {
			return fmt.Errorf("show %s at %s: %w", m.source, m.target, err)
		}
		_ = unix.Close(sources[i])
	}
	if err := devices(base); err != nil {
		return err
	}
	return enter(base)
}

func mountPoints(p plan) []mountPoint {
	var list []mountPoint
	add := func(target, source string, required bool) {
		list = append(list, mountPoint{filepath.Clean(target), source, required})
	}
	for _, s := range systemPaths {
		if s != "/proc" {
			add(s, s, false)
		}
	}
	for _, s := range []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"} {
		add(s, s, false)
	}
	for _, s := range slices.Concat(p.ReadOnly, p.ReadWrite) {
		if _, bound := p.Binds[s]; !bound {
			add(s, s, false)
		}
	}
	for t, s := range p.Binds {
		add(t, s, true)
	}
	// Outer folders before those inside them.
	slices.SortStableFunc(list, func(a, b mountPoint) int {
		return strings.Count(a.target, "/") - strings.Count(b.target, "/")
	})
	return list
}

func attach(target string, source int) error {
	proc := fmt.Sprintf("/proc/self/fd/%d", source)
	st, err := os.Stat(proc)
	if err != nil {
		return err
	}
	if st.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
		var f *os.File
		if f, err = os.OpenFile(target, os.O_CREATE|os.O_RDONLY, 0o644); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return err
	}
	return unix.Mount(proc, target, "", unix.MS_BIND|unix.MS_REC, "")
}

func devices(base string) error {
	err := errors.Join(
		os.MkdirAll(base+"/dev/shm", 0o1777), os.MkdirAll(base+"/proc", 0o755), os.MkdirAll(base+"/tmp", 0o1777),
		os.Symlink("/proc/self/fd", base+"/dev/fd"),
		os.Symlink("/proc/self/fd/1", base+"/dev/stdout"), os.Symlink("/proc/self/fd/2", base+"/dev/stderr"),
		unix.Mount("tmpfs", base+"/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size=512m"),
	)
	if err != nil {
		return fmt.Errorf("make devices: %w", err)
	}
	if err := unix.Mount("proc", base+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		// Some containers forbid a new proc: the host's stays visible, read-only by Landlock.
		if err := unix.Mount("/proc", base+"/proc", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount proc: %w", err)
		}
	}
	return nil
}

// enter makes base the root and lets go of the old one.
func enter(base string) error {
	if err := os.Chdir(base); err != nil {
		return err
	}
	// With both arguments the same, the old root is stacked below the new one and can be detached by name (pivot_root(2)).
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the host's root: %w", err)
	}
	return os.Chdir("/")
}
