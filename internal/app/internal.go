package app

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/snsapi"
	"github.com/tarn-data/tarn/internal/blob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/objstore"
)

// internal serves /_tarn/…: what is no AWS service.
func (a *App) internal() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_tarn/health", a.health)
	mux.HandleFunc("GET /_tarn/code/{id}", func(w http.ResponseWriter, r *http.Request) { a.codes.ServeHTTP(w, r) })
	mux.HandleFunc("GET "+snsapi.CertificatePath+"{name}", a.certificate)
	mux.HandleFunc("GET /_tarn/events/tail", a.tailEvents)
	mux.HandleFunc("GET /_tarn/topic/tail", a.tailTopic)
	a.adminRoutes(mux)
	return mux
}

// certificate serves the one that verifies the signatures of notifications.
func (a *App) certificate(w http.ResponseWriter, r *http.Request) {
	text, name, err := a.signer.Certificate(r.Context())
	if err != nil {
		a.log.Error("read certificate", "err", err)
		http.Error(w, "the certificate cannot be read", http.StatusInternalServerError)
		return
	}
	if r.PathValue("name") != name {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(text) // the client may be gone
}

// Health is what GET /_tarn/health answers.
type Health struct {
	Status   string            `json:"status"` // ok, starting
	Services map[string]string `json:"services"`
	Version  string            `json:"version"`
	Mail     Mail              `json:"mail"`
	// Preparing has a line for each installation under way, such as that of the functions' SDKs.
	Preparing []string `json:"preparing,omitempty"`
}

// Mail tells where mail to subscribers of topics goes.
type Mail struct {
	Relay   string `json:"relay,omitempty"`
	Folder  string `json:"folder,omitempty"` // without a relay
	Waiting int    `json:"waiting"`          // messages in the folder
}

func (a *App) health(w http.ResponseWriter, _ *http.Request) {
	h := Health{Status: "starting", Services: map[string]string{}, Version: Version, Preparing: a.Functions.Preparing()}
	if a.ready.Load() {
		h.Status = "ok"
	}
	for _, s := range a.Registry.Services() {
		h.Services[s.Name] = "running"
	}
	if h.Mail.Relay = a.mail.Relay(); h.Mail.Relay == "" {
		h.Mail.Folder = "mail"
		h.Mail.Waiting, _ = a.mail.Waiting() // a folder that cannot be listed shows when mail is written
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(h) // the client may be gone
}

// Version is Tarn's own version; releases set it when they link.
var Version = "dev"

// codeServer gives out code packages by addresses that are valid for ten minutes: GetFunction's Code.Location.
type codeServer struct {
	blobs blob.Store
	clock clock.Clock
	key   []byte // of this process: addresses end with it
}

const codeURLLife = 10 * time.Minute

func newCodeServer(b blob.Store, c clock.Clock) codeServer {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		panic("BUG: the system's random source failed: " + err.Error())
	}
	return codeServer{b, c, key}
}

func (s codeServer) sign(id, until string) string {
	h := hmac.New(sha256.New, s.key)
	_, _ = io.WriteString(h, id+"\n"+until)
	return hex.EncodeToString(h.Sum(nil))
}

func (s codeServer) path(id blob.ID) string {
	until := strconv.FormatInt(s.clock.Now().Add(codeURLLife).Unix(), 10)
	return "/_tarn/code/" + string(id) + "?until=" + until + "&signature=" + s.sign(string(id), until)
}

func (s codeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, q := r.PathValue("id"), r.URL.Query()
	until, err := strconv.ParseInt(q.Get("until"), 10, 64)
	if err != nil || !hmac.Equal([]byte(q.Get("signature")), []byte(s.sign(id, q.Get("until")))) || s.clock.Now().Unix() > until {
		http.Error(w, "the address is not valid or not valid any more", http.StatusForbidden)
		return
	}
	b, err := s.blobs.Open(r.Context(), blob.ID(id))
	if err != nil {
		http.Error(w, "the package is gone", http.StatusNotFound)
		return
	}
	defer b.Close()
	w.Header().Set("Content-Type", "application/zip")
	http.ServeContent(w, r, "", time.Time{}, b)
}

// packages opens code packages in the object store with the rights of the caller.
type packages struct{ objects *objstore.Store }

// OpenCode implements lambdaapi.Objects.
func (p packages) OpenCode(ctx context.Context, c *protocol.Call, bucket, key, version string) (io.ReadCloser, error) {
	action := "s3:GetObject"
	if version != "" {
		action = "s3:GetObjectVersion"
	}
	if e := c.Allowed(ctx, protocol.Access{Action: action, Resource: "arn:aws:s3:::" + bucket + "/" + strings.TrimPrefix(key, "/")}); e != nil {
		return nil, e
	}
	_, body, err := p.objects.Open(ctx, bucket, key, version, objstore.Conditions{})
	switch {
	case errors.Is(err, objstore.ErrNoSuchBucket):
		return nil, &protocol.Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
	case errors.Is(err, objstore.ErrNoSuchKey):
		return nil, &protocol.Error{Code: "NoSuchKey", Message: "The specified key does not exist."}
	case err != nil:
		return nil, err
	}
	return body, nil
}
