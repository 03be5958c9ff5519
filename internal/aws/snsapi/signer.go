package snsapi

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/key"
)

// Signer signs notifications. Its key is made when it is first needed and kept in the store.
type Signer struct {
	store kv.Store
	clock clock.Clock

	mu   sync.Mutex // guards the fields below
	key  *rsa.PrivateKey
	cert []byte // PEM
	name string // of the certificate's file
}

// NewSigner returns the signer of a store. Clock nil = the real one.
func NewSigner(store kv.Store, c clock.Clock) *Signer {
	if c == nil {
		c = clock.Real()
	}
	return &Signer{store: store, clock: c}
}

// signingKey is the key as it is stored.
type signingKey struct {
	Key  []byte // PKCS #8
	Cert []byte // DER
}

const certLife = 20 * 365 * 24 * time.Hour

func (s *Signer) load(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return nil
	}
	at := key.In(key.Topic).Str("signing")
	k, err := kv.Load[signingKey](ctx, s.store, at)
	if errors.Is(err, kv.ErrNotFound) {
		if k, err = s.make(); err != nil {
			return fmt.Errorf("make the key that signs notifications: %w", err)
		}
		var b kv.Batch
		b.IfAbsent(at)
		kv.Put(&b, at, k)
		if err = kv.Commit(ctx, s.store, &b); errors.Is(err, kv.ErrConflict) {
			k, err = kv.Load[signingKey](ctx, s.store, at)
		}
	}
	if err != nil {
		return fmt.Errorf("read the key that signs notifications: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(k.Key)
	if err != nil {
		return err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return fmt.Errorf("the key that signs notifications is a %T", parsed)
	}
	sum := sha256.Sum256(k.Cert)
	s.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Cert})
	s.name = "SimpleNotificationService-" + hex.EncodeToString(sum[:16]) + ".pem"
	s.key = private
	return nil
}

func (s *Signer) make() (signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signingKey{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return signingKey{}, err
	}
	now := s.clock.Now()
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "sns.amazonaws.com", Organization: []string{"Tarn"}}, DNSNames: []string{"sns.amazonaws.com"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certLife), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, private.Public(), private)
	if err != nil {
		return signingKey{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	return signingKey{pkcs8, der}, err
}

// Certificate returns the certificate in PEM and the name of its file.
func (s *Signer) Certificate(ctx context.Context) (text []byte, name string, err error) {
	if err := s.load(ctx); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cert, s.name, nil
}

// Sign returns the signature of a text in base64: version "2" with SHA-256, any other with SHA-1.
//
// Source: "Verifying the signatures of Amazon SNS messages" in the Amazon SNS developer guide.
func (s *Signer) Sign(ctx context.Context, version, text string) (string, error) {
	if err := s.load(ctx); err != nil {
		return "", err
	}
	h := crypto.SHA1
	var sum []byte
	if version == "2" {
		h = crypto.SHA256
		d := sha256.Sum256([]byte(text))
		sum = d[:]
	} else {
		d := sha1.Sum([]byte(text))
		sum = d[:]
	}
	out, err := rsa.SignPKCS1v15(nil, s.key, h, sum)
	if err != nil {
		return "", fmt.Errorf("sign notification: %w", err)
	}
	return base64.StdEncoding.EncodeToString(out), nil
}
