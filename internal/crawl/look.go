package crawl

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/tabular"
)

const (
	listPage       = 1000
	sampledByLevel = 100 // files looked at in a folder unless the target says otherwise
	sniffers       = 4   // files looked at at the same time
)

// look lists the targets, looks at their files and groups them into tables.
func (s *Service) look(ctx context.Context, run *crawl, c Crawler, r *Run) ([]table, error) {
	custom, err := s.classifiers(ctx, run.scope, c.Classifiers)
	if err != nil {
		return nil, err
	}
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	type listed struct {
		bucket string
		root   *folder
		sample int
		table  *catalog.Table // of a catalog target
	}
	var roots []listed
	add := func(path string, exclude []string, sample int, t *catalog.Table) error {
		bucket, prefix, err := splitPath(path)
		if err != nil {
			return err
		}
		files, prefix, err := s.list(ctx, run.scope, c.Role, bucket, prefix, exclude)
		if err != nil {
			return err
		}
		for _, f := range files {
			r.Files++
			r.Bytes += f.Size
		}
		roots = append(roots, listed{bucket, buildTree(prefix, files), sample, t})
		return nil
	}
	for _, t := range c.Targets {
		if err := add(t.Path, t.Exclusions, t.SampleSize, nil); err != nil {
			return nil, err
		}
	}
	for _, t := range c.CatalogTargets {
		for _, name := range t.Tables {
			ct, err := s.opts.Catalog.Table(ctx, run.scope, t.Database, name)
			if err != nil {
				return nil, err
			}
			if ct.Storage == nil || ct.Storage.Location == "" {
				return nil, fmt.Errorf("%w: table %s.%s has no location", ErrBadInput, t.Database, name)
			}
			if err := add(ct.Storage.Location, nil, 0, &ct); err != nil {
				return nil, err
			}
		}
	}
	var jobs []job
	for i := range roots {
		jobs = append(jobs, plan(roots[i].bucket, roots[i].root, roots[i].sample)...)
	}
	run.mu.Lock()
	run.listing, run.total, run.began = false, len(jobs), s.opts.Clock.Now()
	run.mu.Unlock()
	if err := s.sniffAll(ctx, run, c, r, jobs, custom); err != nil {
		return nil, err
	}
	var tables []table
	for _, l := range roots {
		settle(l.root)
		if l.table != nil {
			t, ok := asTable(l.bucket, l.root, true)
			if !ok {
				s.say(run.scope, *r, "WARN", fmt.Sprintf("The files of table %s.%s are not alike; it is left as it is", l.table.Database, l.table.Name))
				continue
			}
			t.database, t.name = l.table.Database, l.table.Name
			tables = append(tables, t)
			continue
		}
		level := 0
		if set.tableLevel > 0 {
			// The level counts from the bucket, which is 1.
			if level = set.tableLevel - 1 - strings.Count(l.root.path, "/"); level < 0 {
				return nil, fmt.Errorf("%w: TableLevelConfiguration %d lies above the target s3://%s/%s", ErrBadInput, set.tableLevel, l.bucket, l.root.path)
			}
		}
		if l.root.name == "" {
			l.root.name = l.bucket
		}
		tables = append(tables, group(l.bucket, l.root, level, set.combine)...)
	}
	return tables, nil
}

// list returns the data files under a path, which may name a folder with or without its slash, or one object.
func (s *Service) list(ctx context.Context, scope ident.Scope, role, bucket, prefix string, exclude []string) (files []File, root string, err error) {
	var skip []*regexp.Regexp
	for _, x := range exclude {
		re, err := compileGlob(x)
		if err != nil {
			return nil, "", fmt.Errorf("%w: exclusion %q: %w", ErrBadInput, x, err)
		}
		skip = append(skip, re)
	}
	if root = prefix; prefix != "" && !strings.HasSuffix(prefix, "/") {
		root = prefix + "/"
		single, _, err := s.opts.Objects.List(ctx, scope, role, bucket, prefix, "", 1)
		if err != nil {
			return nil, "", err
		}
		if len(single) == 1 && single[0].Key == prefix {
			return single, prefix[:strings.LastIndexByte(prefix, '/')+1], nil
		}
	}
	for after, more := "", true; more; {
		var page []File
		if page, more, err = s.opts.Objects.List(ctx, scope, role, bucket, root, after, listPage); err != nil {
			return nil, "", err
		}
	next:
		for _, f := range page {
			after = f.Key
			rel := strings.TrimPrefix(f.Key, root)
			if f.Size == 0 || hidden(rel) {
				continue
			}
			for _, re := range skip {
				if re.MatchString(rel) {
					continue next
				}
			}
			files = append(files, f)
		}
	}
	return files, root, nil
}

// job is a file to look at.
type job struct {
	bucket string
	folder *folder
	file   File
}

// plan chooses which files of each folder are looked at: all, or evenly spread ones.
func plan(bucket string, f *folder, sample int) []job {
	if sample <= 0 {
		sample = sampledByLevel
	}
	var jobs []job
	n := len(f.files)
	step := max(1, (n+sample-1)/sample)
	for i := 0; i < n; i += step {
		jobs = append(jobs, job{bucket, f, f.files[i]})
	}
	if n > 0 {
		f.byFile = map[string]*found{}
	}
	for _, sub := range f.folders {
		jobs = append(jobs, plan(bucket, sub, sample)...)
	}
	return jobs
}

// sniffAll looks at all files. A file that cannot be read is reported in the log and left out; an error of access ends
// the crawl.
func (s *Service) sniffAll(ctx context.Context, run *crawl, c Crawler, r *Run, jobs []job, custom []Classifier) error {
	next := make(chan job)
	errs := make(chan error, sniffers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards the folders' maps
	for range sniffers {
		wg.Go(func() {
			for j := range next {
				f, err := s.sniff(ctx, run.scope, c.Role, j.bucket, j.file, custom)
				switch {
				case err == nil && f.classification == "UNKNOWN":
					s.say(run.scope, *r, "WARN", fmt.Sprintf("No classifier knows the format of s3://%s/%s: it is left out", j.bucket, j.file.Key))
				case err == nil:
				case ctx.Err() != nil, errors.Is(err, ErrAccess):
					errs <- err
					cancel()
					return
				default:
					s.say(run.scope, *r, "WARN", "Left out an unreadable file: "+err.Error())
					f = &found{classification: "UNKNOWN", compression: "none"}
				}
				mu.Lock()
				j.folder.byFile[j.file.Key] = f
				mu.Unlock()
				run.mu.Lock()
				run.done++
				run.mu.Unlock()
			}
		})
	}
feed:
	for _, j := range jobs {
		select {
		case next <- j:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

// ErrAccess reports that the crawler's role may not read a target.
var ErrAccess = errors.New("access denied")

// settle merges what was found in each folder's files. Files of unknown format beside others are passed over.
func settle(f *folder) {
	for _, file := range f.files {
		got := f.byFile[file.Key]
		switch {
		case got == nil || got.classification == "UNKNOWN":
		case f.schema == nil:
			copied := *got
			f.schema = &copied
		case got.schemaKey() != f.schema.schemaKey() || !similar(f.schema.columns, got.columns, got.classification):
			f.mixed = true
		default:
			f.schema.columns = tabular.MergeFields(f.schema.columns, got.columns)
			f.schema.rows += got.rows
			if got.compression != f.schema.compression {
				f.schema.compression = "none"
			}
		}
	}
	if n := len(f.byFile); f.schema != nil && n > 0 && n < len(f.files) {
		f.schema.rows = f.schema.rows * int64(len(f.files)) / int64(n)
	}
	for _, sub := range f.folders {
		settle(sub)
	}
}

func (s *Service) classifiers(ctx context.Context, scope ident.Scope, names []string) ([]Classifier, error) {
	var list []Classifier
	for _, n := range names {
		c, err := s.Classifier(ctx, scope, n)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}
