package awsgen

import (
	"archive/zip"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// Version is the botocore release that the models come from.
const Version = "1.44.5"

//go:embed overlay/*.json
var overlays embed.FS

type obj = map[string]any

// Models gives access to the models in botocore's wheels, as pip downloads them into one folder.
type Models struct{ Dir string }

// load returns the newest model of service in a release, without its documentation.
func (m *Models) load(service, version string) (obj, error) {
	wheels, err := filepath.Glob(filepath.Join(m.Dir, "botocore-"+version+"-*.whl"))
	if err != nil || len(wheels) == 0 {
		return nil, fmt.Errorf("no botocore %s in %s: run `make generate`", version, m.Dir)
	}
	z, err := zip.OpenReader(wheels[0])
	if err != nil {
		return nil, fmt.Errorf("open wheel: %w", err)
	}
	defer z.Close()
	var best *zip.File
	for _, f := range z.File {
		base := path.Base(f.Name)
		if ok, _ := path.Match("botocore/data/"+service+"/*/service-2.json*", f.Name); ok && strings.HasPrefix(base, "service-2.json") && (best == nil || f.Name > best.Name) {
			best = f
		}
	}
	if best == nil {
		return nil, fmt.Errorf("botocore %s has no service %q", version, service)
	}
	r, err := best.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", best.Name, err)
	}
	defer r.Close()
	var in io.Reader = r
	if strings.HasSuffix(best.Name, ".gz") {
		if in, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("open %s: %w", best.Name, err)
		}
	}
	var x obj
	if err := json.NewDecoder(in).Decode(&x); err != nil {
		return nil, fmt.Errorf("read %s: %w", best.Name, err)
	}
	return x, nil
}

// overlay merges overlay/<service>.json into x. Objects are merged, anything else replaces, null removes.
func overlay(service string, x obj) error {
	b, err := overlays.ReadFile("overlay/" + service + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read overlay: %w", err)
	}
	var o obj
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("parse overlay of %s: %w", service, err)
	}
	merge(x, o)
	return nil
}

func merge(dst, src obj) {
	for k, v := range src {
		if v == nil {
			delete(dst, k)
			continue
		}
		sub, isObj := v.(obj)
		old, wasObj := dst[k].(obj)
		if isObj && wasObj {
			merge(old, sub)
			continue
		}
		dst[k] = v
	}
}
