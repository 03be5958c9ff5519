package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/tabular"
)

// textFacts is what is known of a text file once it was read to its end.
type textFacts struct {
	valid bool  // it is UTF-8
	err   error // it cannot be decompressed
}

// textCache remembers the facts of files that never change.
type textCache struct {
	mu    sync.Mutex
	facts map[string]textFacts // by path and compression
}

const maxTextFacts = 100_000

func (c *textCache) get(key string) (textFacts, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.facts[key]
	return f, ok
}

func (c *textCache) put(key string, f textFacts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.facts == nil || len(c.facts) >= maxTextFacts {
		c.facts = map[string]textFacts{}
	}
	c.facts[key] = f
}

// textCompressions are those of text files by the ends of their names, as Hive chooses them.
var textCompressions = map[string]string{".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".snappy": "snappy", ".sz": "snappy"}

// texts makes the part's files readable for DuckDB, and returns the compression that they then have: it does not notice a cut
// compressed file, refuses a text that is not UTF-8, and reads one compression at a time. Where AWS reads such a file, one
// is made that says the same; where AWS fails, this fails in its words.
func (s *scan) texts(ctx context.Context) (compression string, err error) {
	files := s.part.files
	kinds := make([]string, len(files))
	mixed := false
	for i, f := range files {
		ext := strings.ToLower(filepath.Ext(f.name))
		kinds[i] = "none"
		if k, ok := textCompressions[ext]; ok {
			kinds[i] = k
		} else if ext == ".lz4" || ext == ".lzo" || ext == ".deflate" {
			return "", refused("files compressed as %s are not supported: %s", ext, f.uri)
		}
		mixed = mixed || kinds[i] != kinds[0]
	}
	facts, err := s.facts(ctx, kinds)
	if err != nil {
		return "", err
	}
	plain := mixed // whether all files must be without compression
	for i, f := range files {
		if err := facts[i].err; err != nil {
			return "", &sqlfront.Error{Name: "HIVE_CURSOR_ERROR", Message: strings.TrimPrefix(err.Error(), tabular.ErrCompressed.Error()+": ") + ": " + f.uri}
		}
		plain = plain || !facts[i].valid || kinds[i] == "bzip2" || kinds[i] == "snappy"
	}
	if !plain {
		return kinds[0], nil
	}
	for i := range files {
		f := &files[i]
		if facts[i].valid && kinds[i] == "none" {
			continue
		}
		if f.path, err = s.rewrite(*f, kinds[i]); err != nil {
			return "", fmt.Errorf("rewrite %s: %w", f.uri, err)
		}
		f.name = filepath.Base(f.path)
		s.job.ReadPaths = append(s.job.ReadPaths, f.path)
	}
	return "none", nil
}

// facts reads the files that are not known yet, some at a time.
func (s *scan) facts(ctx context.Context, kinds []string) ([]textFacts, error) {
	out := make([]textFacts, len(kinds))
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range 4 {
		wg.Go(func() {
			for i := range next {
				f, err := s.r.e.factsOf(s.part.files[i].path, kinds[i], s.r.dir)
				if out[i] = f; err != nil {
					mu.Lock()
					failed = errors.Join(failed, fmt.Errorf("read %s: %w", s.part.files[i].uri, err))
					mu.Unlock()
				}
			}
		})
	}
	for i := range kinds {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return out, errors.Join(failed, ctx.Err())
}

func (e *Engine) factsOf(path, kind, scratch string) (textFacts, error) {
	key, lasting := kind+" "+path, !strings.HasPrefix(path, scratch)
	if f, ok := e.known.get(key); ok && lasting {
		return f, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return textFacts{}, err
	}
	defer file.Close()
	var f textFacts
	text, err := tabular.Decompress(file, kind)
	if err == nil {
		f.valid, err = tabular.ValidText(text)
		_ = text.Close()
	}
	if errors.Is(err, tabular.ErrCompressed) {
		f.err, err = err, nil
	}
	if err == nil && lasting {
		e.known.put(key, f)
	}
	return f, err
}

// rewrite makes an uncompressed file of UTF-8 of another one.
func (s *scan) rewrite(f input, kind string) (path string, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := tabular.Decompress(file, kind)
	if err != nil {
		return "", err
	}
	defer text.Close()
	s.r.files++
	path = filepath.Join(s.r.dir, "in"+strconv.Itoa(s.r.files))
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = tabular.CleanText(out, text)
	return path, errors.Join(err, out.Close())
}
