package function

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
)

// codePackage is a zip file that was taken over into the blob store.
type codePackage struct {
	id   blob.ID
	size int64
	hash string
}

// storeZip streams a package into the blob store and checks that it can be unpacked and, for provided runtimes, that its
// program is for the processor that the function asks for.
func (s *Service) storeZip(ctx context.Context, r io.Reader, cfg Config) (codePackage, error) {
	if r == nil {
		return codePackage{}, fmt.Errorf("%w: the code is missing: give ZipFile or S3Bucket and S3Key", ErrBadParameter)
	}
	w, err := s.opts.Blobs.Create(ctx)
	if err != nil {
		return codePackage{}, fmt.Errorf("store package: %w", err)
	}
	defer w.Abort()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, MaxUnzippedBytes+1))
	if err != nil {
		return codePackage{}, fmt.Errorf("store package: %w", err)
	}
	if n > MaxUnzippedBytes {
		return codePackage{}, fmt.Errorf("%w: Unzipped size must be smaller than %d bytes", ErrBadParameter, MaxUnzippedBytes)
	}
	id, err := w.Commit(ctx)
	if err != nil {
		return codePackage{}, fmt.Errorf("store package: %w", err)
	}
	p := codePackage{id: id, size: n, hash: base64.StdEncoding.EncodeToString(h.Sum(nil))}
	return p, s.checkZip(ctx, p, cfg)
}

func (s *Service) checkZip(ctx context.Context, p codePackage, cfg Config) error {
	f, err := s.opts.Blobs.Open(ctx, p.id)
	if err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	defer f.Close()
	z, err := zip.NewReader(f, p.size)
	if err != nil {
		return fmt.Errorf("%w: Could not unzip uploaded file. Please check your file, then try to upload again.", ErrBadZip)
	}
	var total uint64
	for _, e := range z.File {
		if _, err := entryPath(e.Name); err != nil {
			return err
		}
		total += e.UncompressedSize64
	}
	if total > MaxUnzippedBytes {
		return fmt.Errorf("%w: Unzipped size must be smaller than %d bytes", ErrBadParameter, MaxUnzippedBytes)
	}
	if strings.HasPrefix(cfg.Runtime, "provided") {
		return checkBootstrap(z, cfg.Architectures[0])
	}
	return nil
}

// checkBootstrap refuses a program for another processor when it is uploaded, not when it is first run.
func checkBootstrap(z *zip.Reader, arch string) error {
	f, err := z.Open("bootstrap")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // may come from a layer
	}
	if err != nil {
		return fmt.Errorf("%w: bootstrap: %w", ErrBadZip, err)
	}
	defer f.Close()
	head := make([]byte, 20)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:4]) != elf.ELFMAG {
		return nil // a script
	}
	want := map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]
	if got := elf.Machine(uint16(head[18]) | uint16(head[19])<<8); got != want {
		return fmt.Errorf("%w: bootstrap is a program for %v, the function's architecture is %s", ErrBadParameter, got, arch)
	}
	return nil
}

// entryPath returns the file name of a zip entry relative to where it is unpacked.
func entryPath(name string) (string, error) {
	p := filepath.FromSlash(strings.TrimSuffix(strings.ReplaceAll(name, `\`, "/"), "/"))
	if !filepath.IsLocal(p) {
		return "", fmt.Errorf("%w: the package holds the path %q, which leads outside", ErrBadZip, name)
	}
	return p, nil
}

// codeCache unpacks packages once and shares the folders between instances. A folder is DIR/code/BLOB/task; it goes when
// nobody has used it for a while.
type codeCache struct {
	dir   string
	blobs blob.Store
	clock clock.Clock

	mu    sync.Mutex
	ready map[blob.ID]*unpacked
}

type unpacked struct {
	once sync.Once
	dir  string
	err  error

	users int       // under the cache's mu
	last  time.Time // when the last user left
}

func newCodeCache(dir string, blobs blob.Store, c clock.Clock) (*codeCache, error) {
	cache := &codeCache{dir: filepath.Join(dir, "code"), blobs: blobs, clock: c, ready: map[blob.ID]*unpacked{}}
	if err := os.RemoveAll(cache.dir); err != nil {
		return nil, fmt.Errorf("empty code folder: %w", err)
	}
	if err := os.MkdirAll(cache.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make code folder: %w", err)
	}
	return cache, nil
}

// get returns the folder of a package, which stays until the caller releases it. Its parent belongs to the package too: Node
// finds node_modules there.
func (c *codeCache) get(ctx context.Context, id blob.ID) (string, error) {
	c.mu.Lock()
	u := c.ready[id]
	if u == nil {
		u = &unpacked{}
		c.ready[id] = u
	}
	u.users++
	c.mu.Unlock()
	u.once.Do(func() { u.dir, u.err = c.unpack(context.WithoutCancel(ctx), id) })
	if u.err != nil {
		c.mu.Lock()
		if c.ready[id] == u {
			delete(c.ready, id) // the next request tries again
		}
		c.mu.Unlock()
	}
	return u.dir, u.err
}

// release ends a use that get began.
func (c *codeCache) release(id blob.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u := c.ready[id]; u != nil {
		u.users--
		u.last = c.clock.Now()
	}
}

// sweep removes the folders that nobody has used for as long as idle.
func (c *codeCache) sweep(idle time.Duration) {
	var old []string
	c.mu.Lock()
	for id, u := range c.ready {
		if u.users == 0 && c.clock.Now().Sub(u.last) > idle {
			delete(c.ready, id)
			old = append(old, filepath.Dir(u.dir))
		}
	}
	c.mu.Unlock()
	for _, dir := range old {
		_ = os.RemoveAll(dir) // what stays goes at the next start
	}
}

func (c *codeCache) unpack(ctx context.Context, id blob.ID) (string, error) {
	f, err := c.blobs.Open(ctx, id)
	if err != nil {
		return "", fmt.Errorf("open package: %w", err)
	}
	defer f.Close()
	z, err := zip.NewReader(f, f.Size())
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadZip, err)
	}
	base := filepath.Join(c.dir, string(id)+"-"+ident.Hex(4))
	task := filepath.Join(base, "task")
	if err := os.MkdirAll(task, 0o755); err != nil {
		return "", err
	}
	var total int64
	for _, e := range z.File {
		n, err := extract(e, task, MaxUnzippedBytes-total)
		if err != nil {
			_ = os.RemoveAll(base)
			return "", fmt.Errorf("unpack %s: %w", e.Name, err)
		}
		total += n
	}
	return task, nil
}

func extract(e *zip.File, dir string, room int64) (int64, error) {
	rel, err := entryPath(e.Name)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(dir, rel)
	mode := e.Mode()
	if mode.IsDir() || strings.HasSuffix(e.Name, "/") {
		return 0, os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	r, err := e.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if mode&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return 0, err
		}
		if !filepath.IsLocal(filepath.Join(filepath.Dir(rel), string(target))) {
			return 0, fmt.Errorf("%w: a link leads outside: %q", ErrBadZip, target)
		}
		return 0, os.Symlink(string(target), path)
	}
	perm := mode.Perm() | 0o444
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, perm|0o200)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.LimitReader(r, room+1))
	if err == nil && n > room {
		err = fmt.Errorf("%w: unzipped size is over %d bytes", ErrBadZip, MaxUnzippedBytes)
	}
	return n, errors.Join(err, f.Close())
}
