package snsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tarn-data/tarn/internal/mail"
	"github.com/tarn-data/tarn/internal/topic"
)

// Endpoints reaches subscribers by HTTP and by mail.
type Endpoints struct {
	Notes *Notes
	Mail  *mail.Mailer
	HTTP  *http.Client // as NewHTTPClient makes it; required
}

var _ topic.Endpoints = (*Endpoints)(nil)

// postTimeout is how long an endpoint may take to answer.
const postTimeout = 15 * time.Second

// NewHTTPClient returns the client for posts: redirections are not followed, as AWS follows none.
func NewHTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	return &http.Client{Transport: t, Timeout: postTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Send implements topic.Endpoints.
func (e *Endpoints) Send(ctx context.Context, n topic.Notice) error {
	switch n.Subscription.Protocol {
	case "email", "email-json":
		return e.mail(ctx, &n)
	}
	body, err := e.body(ctx, &n)
	if err != nil {
		return err
	}
	return e.post(ctx, &n, body)
}

func (e *Endpoints) body(ctx context.Context, n *topic.Notice) ([]byte, error) {
	if n.Kind == topic.Notification && n.Subscription.Raw {
		return []byte(n.Message.Text(n.Subscription.Protocol)), nil
	}
	doc, err := e.document(ctx, n)
	if err != nil {
		return nil, err
	}
	return encode(doc)
}

func (e *Endpoints) document(ctx context.Context, n *topic.Notice) (map[string]any, error) {
	if n.Kind == topic.Notification {
		return e.Notes.Notification(ctx, &n.Delivery)
	}
	return e.Notes.Handshake(ctx, n)
}

// post makes one POST. Answers of 2xx take the message; 4xx but 429, and redirections, refuse it for good.
//
// Source: "HTTP/HTTPS notifications" and "Amazon SNS message delivery retries" in the Amazon SNS developer guide.
func (e *Endpoints) post(ctx context.Context, n *topic.Notice, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Subscription.Endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", topic.ErrPermanent, err)
	}
	h := r.Header
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	if t := topic.EffectivePolicy(&n.Topic, &n.Subscription).ContentType; t != "" && n.Kind == topic.Notification {
		h.Set("Content-Type", t)
	}
	h.Set("User-Agent", "Amazon Simple Notification Service Agent")
	h.Set("X-Amz-Sns-Message-Type", string(n.Kind))
	h.Set("X-Amz-Sns-Message-Id", n.Message.ID)
	h.Set("X-Amz-Sns-Topic-Arn", n.Subscription.Topic.ARN())
	if n.Kind != topic.Confirmation {
		h.Set("X-Amz-Sns-Subscription-Arn", n.Subscription.ARN())
	}
	if n.Kind == topic.Notification && n.Subscription.Raw {
		h.Set("X-Amz-Sns-Rawdelivery", "true")
	}
	resp, err := e.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("post to %s: %w", r.URL.Redacted(), err)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode/100 == 5 || resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("post to %s: it answered %s", r.URL.Redacted(), resp.Status)
	}
	return fmt.Errorf("%w: post to %s: it answered %s", topic.ErrPermanent, r.URL.Redacted(), resp.Status)
}

func (e *Endpoints) mail(ctx context.Context, n *topic.Notice) error {
	s := &n.Subscription
	m := mail.Message{ID: n.Entry, FromName: n.Topic.Attributes["DisplayName"], To: s.Endpoint, Time: n.At}
	if m.FromName == "" {
		m.FromName = "AWS Notifications"
	}
	switch n.Kind {
	case topic.Confirmation:
		m.Subject = "AWS Notification - Subscription Confirmation"
		m.Body = "You have chosen to subscribe to the topic:\n" + s.Topic.ARN() + "\n\nTo confirm this subscription, visit:\n" + e.Notes.confirmURL(&n.Delivery) +
			"\n\nIf this was in error, no action is necessary.\n"
	case topic.Removal:
		m.Subject = "AWS Notification - Unsubscribe Confirmation"
		m.Body = "Your subscription to the topic below has been deactivated:\n" + s.Topic.ARN() + "\n\nIf this was in error, visit this address to subscribe again:\n" +
			e.Notes.confirmURL(&n.Delivery) + "\n"
	default:
		if m.Subject = n.Message.Subject; m.Subject == "" {
			m.Subject = "AWS Notification Message"
		}
		m.Body = n.Message.Text(s.Protocol) + "\n\n--\nTo stop receiving notifications from this topic, visit:\n" + e.Notes.unsubscribeURL(s) + "\n"
	}
	if s.Protocol == "email-json" {
		doc, err := e.document(ctx, n)
		if err != nil {
			return err
		}
		text, err := encode(doc)
		if err != nil {
			return err
		}
		m.Body = string(text)
	}
	err := e.Mail.Send(ctx, m)
	if errors.Is(err, mail.ErrRefused) {
		return fmt.Errorf("%w: %w", topic.ErrPermanent, err)
	}
	return err
}
