package mail_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/mail"
)

// relay is a server of SMTP that takes one message, or refuses its recipient with the answer given.
func relay(t *testing.T, refusal string) (addr string, got <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	out := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		say := func(text string) { _, _ = fmt.Fprintf(c, "%s\r\n", text) }
		say("220 relay")
		var data strings.Builder
		reading := false
		for lines := bufio.NewScanner(c); lines.Scan(); {
			line := lines.Text()
			verb, _, _ := strings.Cut(line, " ")
			switch {
			case reading && line == ".":
				reading = false
				out <- data.String()
				say("250 taken")
			case reading:
				data.WriteString(line + "\n")
			case verb == "RCPT" && refusal != "":
				say(refusal)
			case verb == "DATA":
				reading = true
				say("354 go on")
			case verb == "QUIT":
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	return l.Addr().String(), out
}

var message = mail.Message{ID: "m1", FromName: "Ärger", To: "ann@example.com", Subject: "grüße", Body: "text ü\n", Time: time.Unix(0, 0).UTC()}

func TestRelay(t *testing.T) {
	addr, got := relay(t, "")
	if err := mail.New(mail.Options{Relay: addr, From: "tarn@example.com"}).Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	text := <-got
	for _, want := range []string{"To: <ann@example.com>", "<tarn@example.com>", "Message-ID: <m1@tarn>", "Thu, 01 Jan 1970"} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, text)
		}
	}
	for answer, permanent := range map[string]bool{"550 no such user": true, "451 later": false} {
		addr, _ := relay(t, answer)
		err := mail.New(mail.Options{Relay: addr}).Send(t.Context(), message)
		if err == nil || errors.Is(err, mail.ErrRefused) != permanent {
			t.Errorf("%s: %v", answer, err)
		}
	}
	if err := mail.New(mail.Options{Relay: "127.0.0.1:1"}).Send(t.Context(), message); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("no relay there: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	m := mail.New(mail.Options{Dir: dir})
	for range 2 { // an attempt that is repeated leaves one message
		if err := m.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := m.Waiting(); n != 1 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "m1.eml"))
	if err != nil || !strings.Contains(string(text), "no-reply@localhost") {
		t.Errorf("%s %v", text, err)
	}
}
