package snsapi

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/topic"
)

func TestSignaturesOutliveRestarts(t *testing.T) {
	store := kvtest.New(t)
	first := NewSigner(store, nil)
	text, name, err := first.Certificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := NewSigner(store, nil)
	if again, n, err := second.Certificate(t.Context()); err != nil || string(again) != string(text) || n != name {
		t.Errorf("another certificate after a restart: %v", err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	r := topic.Ref{Scope: ident.Scope{Account: "000000000000", Region: "us-east-1"}, Name: "t"}
	notes := &Notes{Signer: second, Endpoint: func() string { return "http://tarn" }}
	for version, h := range map[string]crypto.Hash{"": crypto.SHA1, "2": crypto.SHA256} {
		d := topic.Delivery{
			Subscription: topic.Subscription{Topic: r, ID: "id", Protocol: "http"}, Signature: version, At: time.Unix(0, 0),
			Message: topic.Message{ID: "m", Subject: "s", Body: "b\nß"},
		}
		doc, err := notes.Notification(t.Context(), &d)
		if err != nil {
			t.Fatal(err)
		}
		const canon = "Message\nb\nß\nMessageId\nm\nSubject\ns\nTimestamp\n1970-01-01T00:00:00.000Z\nTopicArn\narn:aws:sns:us-east-1:000000000000:t\nType\nNotification\n"
		sum1, sum2 := sha1.Sum([]byte(canon)), sha256.Sum256([]byte(canon))
		sum := map[crypto.Hash][]byte{crypto.SHA1: sum1[:], crypto.SHA256: sum2[:]}[h]
		sig, err := base64.StdEncoding.DecodeString(doc["Signature"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), h, sum, sig); err != nil {
			t.Errorf("version %q: %v", version, err)
		}
		out, err := encode(doc)
		if err != nil || !json.Valid(out) {
			t.Errorf("%s %v", out, err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	s := NewSigner(kvtest.New(b), nil)
	if _, _, err := s.Certificate(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Sign(b.Context(), "1", "text"); err != nil {
			b.Fatal(err)
		}
	}
}
