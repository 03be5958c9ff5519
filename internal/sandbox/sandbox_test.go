package sandbox_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

func run(t *testing.T, spec sandbox.Spec) (stdout, stderr string, err error) {
	t.Helper()
	s, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	spec.Stdout, spec.Stderr = &out, &errs
	spec.Env = append(spec.Env, "PATH=/usr/bin:/bin")
	c, err := s.Command(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run()
	return out.String(), errs.String(), err
}

func restricted(t *testing.T) bool {
	t.Helper()
	return sandbox.Probe(t.Context()).Restrict
}

func TestChildSeesItsOwnDirectoryOnly(t *testing.T) {
	dir, secret := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(secret, "key"), []byte("root key"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "echo mine > note && cat note; cat " + filepath.Join(secret, "key") + "; echo x > /etc/tarn-test; env"
	out, errs, _ := run(t, sandbox.Spec{
		Argv: []string{"sh", "-c", script}, Dir: dir, ReadWrite: []string{dir}, Env: []string{"MINE=1"},
	})
	if !strings.Contains(out, "mine\n") || !strings.Contains(out, "MINE=1") {
		t.Errorf("child could not use its directory: %q %q", out, errs)
	}
	if strings.Contains(out, "TARN_SANDBOX") {
		t.Error("the plan is visible to the child")
	}
	if restricted(t) && strings.Contains(out, "root key") {
		t.Error("child read another directory's file")
	}
	if _, err := os.Stat("/etc/tarn-test"); err == nil {
		_ = os.Remove("/etc/tarn-test")
		if restricted(t) {
			t.Error("child wrote to /etc")
		}
	}
}

func TestNoNetwork(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed: ", err)
	}
	script := "import socket\nfor f in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):\n  try: socket.socket(f); print('made')\n  except PermissionError: print('refused')\n"
	for _, none := range []bool{false, true} {
		out, errs, err := run(t, sandbox.Spec{Argv: []string{python, "-c", script}, Dir: "/", NoNetwork: none, ReadOnly: []string{filepath.Dir(filepath.Dir(python))}})
		if err != nil {
			t.Fatal(err, errs)
		}
		if refused := strings.Count(out, "refused"); none && restricted(t) && refused != 3 || !none && refused != 0 {
			t.Errorf("without network %v: %q", none, out)
		}
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	out, errs, err := run(t, sandbox.Spec{
		Argv: []string{"sh", "-c", "ulimit -n; ulimit -d; ulimit -c; head -c 200000 /dev/zero > big"},
		Dir:  dir, ReadWrite: []string{dir}, OpenFiles: 77, MemoryBytes: 64 << 20, MaxFileBytes: 100_000,
	})
	if err == nil {
		t.Error("writing past the file limit succeeded")
	}
	if want := "77\n65536\n0\n"; !strings.HasPrefix(out, want) {
		t.Errorf("limits = %q, want %q (%s)", out, want, errs)
	}
}

func TestBindsReplaceTmp(t *testing.T) {
	if !sandbox.Probe(t.Context()).Namespaces {
		t.Log("this system has no namespaces: nothing to bind")
		return
	}
	dir := t.TempDir() // lies under /tmp, which the bind covers
	own := filepath.Join(dir, "tmp")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	out, errs, err := run(t, sandbox.Spec{
		Argv: []string{"sh", "-c", "echo hello > /tmp/f; ls /tmp; echo pid $$"},
		Dir:  "/", Binds: map[string]string{"/tmp": own}, ReadWrite: []string{"/tmp"},
	})
	if err != nil || !strings.HasPrefix(out, "f\npid 1\n") {
		t.Errorf("out = %q, errs = %q, err = %v", out, errs, err)
	}
	if _, err := os.Stat(filepath.Join(own, "f")); err != nil {
		t.Error(err)
	}
}

func TestCancelKillsTheWholeGroup(t *testing.T) {
	s, err := sandbox.New(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, err := s.Command(ctx, sandbox.Spec{
		Argv: []string{"sh", "-c", "sleep 600 & echo started; wait"}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}, Stdout: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	buf := make([]byte, 64)
	if n, _ := r.Read(buf); string(buf[:n]) != "started\n" {
		t.Fatalf("read %q", buf[:n])
	}
	cancel()
	if err := c.Wait(); err == nil {
		t.Error("a killed command reports success")
	}
	if n, err := r.Read(buf); n != 0 || err == nil { // the background sleep held the pipe open until it died
		t.Errorf("read %d bytes, err %v; want the end", n, err)
	}
}
