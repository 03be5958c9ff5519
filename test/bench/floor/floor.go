// Package floor is the least that an honest server can do on this machine: net/http, the signature and the hash of the
// body checked, every write in a synced batch before its answer. It has no permissions, no versions, no limits and one
// process; the difference between it and Tarn is what Tarn's features cost. It speaks as much of S3 and SQS as the
// benchmarks send.
package floor

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// inline is the size up to which a body is kept in the store, as Tarn does it.
const inline = 32 << 10

// Server is the floor. Queues are made before the load; it is safe for concurrent use after that.
type Server struct {
	db     *pebble.DB
	dir    string
	verify sigv4.Verifier
	secret string
	queues map[string]chan message // made before the load, read only after that
	handle atomic.Int64
}

type message struct {
	key  string
	body json.RawMessage
}

// New opens a floor that keeps everything under dir. All requests must be signed with secret.
func New(dir, secret string) (*Server, error) {
	db, err := pebble.Open(filepath.Join(dir, "kv"), &pebble.Options{Logger: quiet{}})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &Server{db: db, dir: dir, secret: secret, queues: map[string]chan message{}}, nil
}

// Close closes the store. No request may be under way.
func (s *Server) Close() error { return s.db.Close() }

// quiet drops what the store says about its files.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic("store: " + fmt.Sprintf(format, args...)) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		return
	}
	body, err := s.authentic(r)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."):
		err = s.queue(w, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."), body)
	case r.Method == http.MethodPut && strings.Count(r.URL.Path, "/") == 1: // a bucket
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		err = s.copy(w, r)
	case r.Method == http.MethodPut:
		err = s.put(w, r.URL.Path, body)
	case r.Method == http.MethodGet && r.URL.RawQuery != "":
		err = s.list(w, r)
	default:
		err = s.get(w, r)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// authentic reads the body and checks its hash and the signature.
func (s *Server) authentic(r *http.Request) ([]byte, error) {
	claim, err := sigv4.Parse(r)
	if err != nil {
		return nil, err
	}
	body := make([]byte, max(r.ContentLength, 0))
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return nil, err
	}
	if err := claim.Fresh(time.Now()); err != nil {
		return nil, err
	}
	return body, s.verify.Verify(r, claim, s.secret, body, false)
}

// put writes small bodies into the store and large ones into a synced file of its own.
func (s *Server) put(w http.ResponseWriter, path string, body []byte) error {
	sum := md5.Sum(body)
	tag := hex.EncodeToString(sum[:])
	b := s.db.NewBatch()
	if len(body) <= inline {
		err := b.Set([]byte("o"+path), append([]byte(tag+"i"), body...), nil)
		if err != nil {
			return err
		}
	} else {
		name, err := s.file(body)
		if err != nil {
			return err
		}
		if err := b.Set([]byte("o"+path), []byte(tag+"f"+name), nil); err != nil {
			return err
		}
	}
	if err := b.Set([]byte("e"+path), []byte("ObjectCreated"), nil); err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	return b.Commit(pebble.Sync)
}

// file writes a synced file: temporary name, sync, final name, sync of the directory.
func (s *Server) file(body []byte) (string, error) {
	f, err := os.CreateTemp(s.dir, "body-*.tmp")
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	name := strings.TrimSuffix(f.Name(), ".tmp")
	if err := os.Rename(f.Name(), name); err != nil {
		return "", err
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return "", err
	}
	defer d.Close()
	return filepath.Base(name), d.Sync()
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) error {
	v, c, err := s.db.Get([]byte("o" + r.URL.Path))
	if err != nil {
		return err
	}
	defer c.Close()
	w.Header().Set("ETag", `"`+string(v[:32])+`"`)
	if v[32] == 'f' {
		f, err := os.Open(filepath.Join(s.dir, string(v[33:])))
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Length", strconv.FormatInt(st.Size(), 10))
		_, err = io.Copy(w, f) // sendfile
		return err
	}
	_, err = w.Write(v[33:])
	return err
}

func (s *Server) copy(w http.ResponseWriter, r *http.Request) error {
	v, c, err := s.db.Get([]byte("o" + r.Header.Get("X-Amz-Copy-Source")))
	if err != nil {
		return err
	}
	defer c.Close()
	b := s.db.NewBatch()
	if err := b.Set([]byte("o"+r.URL.Path), v, nil); err != nil {
		return err
	}
	if err := b.Set([]byte("e"+r.URL.Path), []byte("ObjectCreated"), nil); err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "<CopyObjectResult><ETag>%s</ETag></CopyObjectResult>", v[:32])
	return err
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	low := []byte("o" + r.URL.Path + "/" + q.Get("prefix"))
	if t := q.Get("continuation-token"); t != "" {
		low = append([]byte("o"+r.URL.Path+"/"+t), 0)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: append([]byte("o"+r.URL.Path+"/"+q.Get("prefix")), 0xff)})
	if err != nil {
		return err
	}
	defer it.Close()
	var out bytes.Buffer
	out.WriteString("<ListBucketResult>")
	n, last := 0, ""
	for it.First(); it.Valid() && n < 1000; it.Next() {
		last = strings.TrimPrefix(string(it.Key()), "o"+r.URL.Path+"/")
		fmt.Fprintf(&out, "<Contents><Key>%s</Key><ETag>%s</ETag><Size>%d</Size></Contents>", last, it.Value()[:32], len(it.Value())-33)
		n++
	}
	if it.Valid() {
		fmt.Fprintf(&out, "<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", last)
	}
	out.WriteString("</ListBucketResult>")
	_, err = w.Write(out.Bytes())
	return err
}
