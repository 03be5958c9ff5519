package function

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Packages says which SDKs are put into the folders that functions find on their path. On AWS they are part of the
// runtime; here they are installed at first need by the language's own installer.
type Packages struct {
	Python []string // requirements; nil = the pinned boto3
	Node   []string // packages; nil = the pinned aws-sdk 2 and clients of the SDK 3
	None   bool     // install nothing: functions bring what they need
}

func (p Packages) withDefaults() Packages {
	if p.Python == nil {
		p.Python = []string{"boto3==1.44.5", "botocore==1.44.5", "python-dateutil<3"}
	}
	if p.Node == nil {
		p.Node = []string{
			"aws-sdk@2.1693.0",
			"@aws-sdk/client-athena@3.1164.0", "@aws-sdk/client-cloudwatch-logs@3.1169.0", "@aws-sdk/client-eventbridge@3.1169.0",
			"@aws-sdk/client-firehose@3.1169.0", "@aws-sdk/client-glue@3.1169.0", "@aws-sdk/client-kinesis@3.1143.0",
			"@aws-sdk/client-lambda@3.1164.0", "@aws-sdk/client-s3@3.1175.0", "@aws-sdk/client-sfn@3.1164.0", "@aws-sdk/client-sns@3.1169.0",
			"@aws-sdk/client-sqs@3.1175.0", "@aws-sdk/client-sts@3.1174.0", "@aws-sdk/lib-storage@3.1175.0",
			"@aws-sdk/s3-presigned-post@3.1164.0", "@aws-sdk/s3-request-presigner@3.1169.0",
		}
	}
	return p
}

//go:embed bootstrap
var bootstraps embed.FS

// bootstrap writes the bootstraps into a folder of their own and returns it.
func (r *runtimes) bootstrap() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.boot != "" {
		return r.boot, nil
	}
	dir := filepath.Join(r.dir, "bootstrap")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, bootstraps); err != nil {
		return "", fmt.Errorf("write bootstraps: %w", err)
	}
	r.boot = filepath.Join(dir, "bootstrap")
	return r.boot, nil
}

// fingerprint names a list of requirements.
func fingerprint(list []string) string {
	sum := sha256.Sum256([]byte(strings.Join(list, "\n")))
	return hex.EncodeToString(sum[:6])
}

// preparing is an installation that several requests may wait for.
type preparing struct {
	done chan struct{}
	dir  string
	err  error
}

// prepare waits for what the instances of a runtime need and every function shares, so that the time of no function counts
// for it.
func (r *runtimes) prepare(ctx context.Context, runtime string) error {
	fam, err := familyOf(runtime)
	if err != nil || fam == provided {
		return err
	}
	in, err := r.find(ctx, runtime)
	if err != nil {
		return err
	}
	_, err = r.sdk(ctx, fam, in)
	return err
}

// sdk returns the folder with a family's SDKs, installing them first if they lack. An installation goes on when the
// request that began it is cancelled, and ends with the server.
func (r *runtimes) sdk(ctx context.Context, fam family, in interpreter) (string, error) {
	if r.packages.None || fam != python && fam != nodejs { // Java functions bring the clients that they use
		return "", nil
	}
	r.mu.Lock()
	p := r.sdks[fam]
	if p == nil {
		p = &preparing{done: make(chan struct{})}
		r.sdks[fam] = p
		r.group.Go("install sdk", func(ctx context.Context) {
			defer close(p.done)
			p.dir, p.err = r.install(ctx, fam, in)
			r.mu.Lock()
			defer r.mu.Unlock()
			if delete(r.steps, fam); p.err != nil {
				r.steps[fam] = "failed: " + p.err.Error()
				delete(r.sdks, fam) // the next instance tries again
			}
		})
	}
	r.mu.Unlock()
	select {
	case <-p.done:
		return p.dir, p.err
	case <-ctx.Done():
		return "", ctx.Err()
	case <-r.group.Context().Done():
		return "", errStopping
	}
}

// step tells what an installation does.
func (r *runtimes) step(fam family, line string) {
	r.mu.Lock()
	r.steps[fam] = line
	r.mu.Unlock()
	r.progress(line)
}

func (r *runtimes) preparing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for fam, line := range r.steps {
		list = append(list, "SDKs for "+string(fam)+" functions: "+line)
	}
	slices.Sort(list)
	return list
}

// abandonedAfter is how long nothing was added to an installation's folder before it is taken for one that was killed.
const abandonedAfter = time.Hour

// removeAbandoned removes the folders of installations that a kill of the server left behind.
func removeAbandoned(sdk string) {
	parts, _ := filepath.Glob(filepath.Join(sdk, "*.part*")) // the pattern is right
	for _, dir := range parts {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > abandonedAfter {
			_ = os.RemoveAll(dir) // the next installation tries again
		}
	}
}

// install puts the packages into DIR/sdk/NAME, which appears when it is complete.
func (r *runtimes) install(ctx context.Context, fam family, in interpreter) (string, error) {
	list := r.packages.Python
	if fam == nodejs {
		list = r.packages.Node
	}
	name := string(fam) + "-" + fingerprint(append([]string{in.version}, list...))
	dir := filepath.Join(r.dir, "sdk", name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// Another name each time: where the server was killed, its installer may write on for a while.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	removeAbandoned(filepath.Dir(dir))
	tmp, err := os.MkdirTemp(filepath.Dir(dir), name+".part")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	var c *exec.Cmd
	if fam == python {
		args := append([]string{"-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--target", tmp}, list...)
		c = exec.CommandContext(ctx, in.path, args...)
	} else {
		npm := filepath.Join(filepath.Dir(in.path), "npm")
		if _, err := os.Stat(npm); err != nil {
			npm = "npm"
		}
		args := append([]string{"install", "--prefix", tmp, "--no-audit", "--no-fund", "--no-save", "--loglevel", "warn"}, list...)
		c = exec.CommandContext(ctx, npm, args...)
	}
	c.WaitDelay = 2 * time.Second // its own children may hold the pipe
	r.step(fam, fmt.Sprintf("installing the %s SDKs (%s) once", fam, strings.Join(list[:min(2, len(list))], ", ")))
	if err := r.watch(c, fam); err != nil {
		return "", fmt.Errorf("install the %s SDKs: %w", fam, err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return "", err
	}
	r.progress(fmt.Sprintf("the %s SDKs are ready", fam))
	return dir, nil
}

// watch runs an installer and passes its lines on; the error carries the last ones.
func (r *runtimes) watch(c *exec.Cmd, fam family) error {
	pr, pw := io.Pipe()
	c.Stdout, c.Stderr = pw, pw
	var tail []string
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		sc := bufio.NewScanner(pr)
		for sc.Scan() {
			if line := strings.TrimSpace(sc.Text()); line != "" {
				if tail = append(tail, line); len(tail) > 5 {
					tail = tail[1:]
				}
				if strings.HasPrefix(line, "Collecting") || strings.HasPrefix(line, "Installing") || strings.HasPrefix(line, "added") {
					r.step(fam, line)
				}
			}
		}
		_, _ = io.Copy(io.Discard, pr)
	}()
	err := c.Run()
	_ = pw.Close()
	wg.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(c.Path), err, strings.Join(tail, " | "))
	}
	return nil
}
