// Package mail sends mail through a relay, or leaves it in a folder where no relay is configured.
package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// ErrRefused reports a message that the relay will never take: a permanent answer of SMTP.
var ErrRefused = errors.New("the relay refuses the message")

// Message is a mail of plain text.
type Message struct {
	ID       string // names the file in the folder: a message that is sent twice is there once
	FromName string
	To       string // address
	Subject  string
	Body     string
	Time     time.Time
}

// Options of a Mailer.
type Options struct {
	Relay string // HOST:PORT; "" = write into Dir
	Dir   string // made when it is first used
	From  string // address; "" = no-reply@localhost
}

// Mailer sends mail. Its methods are safe for concurrent use.
type Mailer struct{ opts Options }

// New returns a mailer.
func New(o Options) *Mailer {
	if o.From == "" {
		o.From = "no-reply@localhost"
	}
	return &Mailer{o}
}

// Relay returns where mail goes, "" for the folder.
func (m *Mailer) Relay() string { return m.opts.Relay }

// Dir returns the folder for mail without a relay.
func (m *Mailer) Dir() string { return m.opts.Dir }

// Waiting returns how many messages are in the folder.
func (m *Mailer) Waiting() (int, error) {
	list, err := filepath.Glob(filepath.Join(m.opts.Dir, "*.eml"))
	return len(list), err
}

const timeout = 30 * time.Second

// Send sends a message, or writes it into the folder, durably. ErrRefused in its error says that another attempt would not do
// better.
func (m *Mailer) Send(ctx context.Context, x Message) error {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.FromFormat(x.FromName, m.opts.From), msg.To(x.To)); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	msg.Subject(x.Subject)
	msg.SetDateWithValue(x.Time)
	msg.SetMessageIDWithValue(x.ID + "@tarn")
	msg.SetBodyString(gomail.TypeTextPlain, x.Body)
	if m.opts.Relay == "" {
		return m.write(x.ID, msg)
	}
	host, port, err := net.SplitHostPort(m.opts.Relay)
	if err != nil {
		return fmt.Errorf("relay %s: %w", m.opts.Relay, err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("relay %s: %w", m.opts.Relay, err)
	}
	c, err := gomail.NewClient(host, gomail.WithPort(n), gomail.WithTLSPolicy(gomail.TLSOpportunistic), gomail.WithTimeout(timeout))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = c.DialAndSendWithContext(ctx, msg)
	var answer *textproto.Error
	var send *gomail.SendError
	if errors.As(err, &answer) && answer.Code >= 500 || errors.As(err, &send) && !send.IsTemp() && send.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil {
		return fmt.Errorf("relay %s: %w", m.opts.Relay, err)
	}
	return nil
}

func (m *Mailer) write(id string, msg *gomail.Msg) error {
	if err := os.MkdirAll(m.opts.Dir, 0o700); err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return err
	}
	path := filepath.Join(m.opts.Dir, id+".eml")
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write mail %s: %w", path, err)
	}
	d, err := os.Open(m.opts.Dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
