package sandbox

import (
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the calls that no function, job or query needs and that have carried most escapes from the kernel. They
// fail with EPERM, so that programs which only try them go on.
var denied = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_MOUNT, unix.SYS_UMOUNT2,
	unix.SYS_PIVOT_ROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
	unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_SWAPON, unix.SYS_ACCT,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME,
}

// sockets are the calls that make one. Pipes that a child was given are not among them.
var sockets = []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR}

// filterCalls installs a seccomp filter, which refuses sockets as well where noNetwork says so (classic BPF; see the kernel's Documentation/userspace-api/seccomp_filter.rst).
func filterCalls(noNetwork bool) error {
	const (
		load        = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		jumpAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		ret         = unix.BPF_RET | unix.BPF_K
		refuse      = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		x32         = 0x40000000 // numbers of the x32 interface start here
	)
	f := []unix.SockFilter{
		{Code: load, K: 4}, // the processor
		{Code: jumpEqual, K: auditArch, Jt: 1},
		{Code: ret, K: refuse},
		{Code: load, K: 0}, // the call's number
		{Code: jumpAtLeast, K: x32, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	}
	calls := denied
	if noNetwork {
		calls = slices.Concat(denied, sockets)
	}
	for _, n := range calls {
		f = append(f, unix.SockFilter{Code: jumpEqual, K: n, Jf: 1}, unix.SockFilter{Code: ret, K: refuse})
	}
	f = append(f, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	_, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(f)
	if errno != 0 {
		return errno
	}
	return nil
}
