package snsapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/topic"
)

// Notes writes the documents that subscribers get.
type Notes struct {
	Signer   *Signer
	Endpoint func() string // where subscribers reach Tarn: http://127.0.0.1:4566
}

// CertificatePath is where the certificate is served: CertificatePath + name.
const CertificatePath = "/_tarn/sns/"

// signed are the members that the signature covers, in the order of their names.
var signed = []string{"Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"}

// canonical is the text that is signed: name and value of each member that is there, a line each.
func canonical(doc map[string]any) string {
	var b strings.Builder
	for _, name := range signed {
		if v, ok := doc[name].(string); ok {
			b.WriteString(name + "\n" + v + "\n")
		}
	}
	return b.String()
}

func (n *Notes) link(action string, pairs ...string) string {
	q := "?Action=" + action
	for i := 0; i < len(pairs); i += 2 {
		q += "&" + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
	}
	return n.Endpoint() + "/" + strings.ReplaceAll(q, "%3A", ":")
}

func (n *Notes) confirmURL(d *topic.Delivery) string {
	return n.link("ConfirmSubscription", "TopicArn", d.Subscription.Topic.ARN(), "Token", d.Subscription.Token)
}

func (n *Notes) unsubscribeURL(s *topic.Subscription) string {
	return n.link("Unsubscribe", "SubscriptionArn", s.ARN())
}

// Notification is the document around a message. Its signature, which takes more time than all the rest, says nothing of the
// subscription: the deliveries of a message share it.
//
// Source: "Amazon SNS message and JSON formats" in the Amazon SNS developer guide.
func (n *Notes) Notification(ctx context.Context, d *topic.Delivery) (map[string]any, error) {
	m, protocol := &d.Message, d.Subscription.Protocol
	doc := map[string]any{
		"Type": "Notification", "MessageId": m.ID, "TopicArn": d.Subscription.Topic.ARN(), "Message": m.Text(protocol),
		"Timestamp": d.At.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if m.Subject != "" {
		doc["Subject"] = m.Subject
	}
	if m.Sequence != "" {
		doc["SequenceNumber"] = m.Sequence
	}
	attrs := map[string]any{}
	for _, a := range m.Attributes {
		v := string(a.Value)
		if strings.HasPrefix(a.Type, "Binary") {
			v = base64.StdEncoding.EncodeToString(a.Value)
		}
		attrs[a.Name] = map[string]string{"Type": a.Type, "Value": v}
	}
	if len(attrs) > 0 {
		doc["MessageAttributes"] = attrs
	}
	if !d.Subscription.Topic.FIFO() { // what FIFO topics send is not signed
		if err := n.sign(ctx, d, doc); err != nil {
			return nil, err
		}
	}
	doc["UnsubscribeURL"] = n.unsubscribeURL(&d.Subscription)
	return doc, nil
}

// ForFunction is Notification as functions get it: some members are spelled otherwise, all are there, and the version of the
// signature is said to be 1 whatever it is, as AWS does it.
func (n *Notes) ForFunction(ctx context.Context, d *topic.Delivery) (map[string]any, error) {
	doc, err := n.Notification(ctx, d)
	if err != nil {
		return nil, err
	}
	doc["SignatureVersion"] = "1"
	doc["SigningCertUrl"], doc["UnsubscribeUrl"] = doc["SigningCertURL"], doc["UnsubscribeURL"]
	delete(doc, "SigningCertURL")
	delete(doc, "UnsubscribeURL")
	if _, ok := doc["Subject"]; !ok {
		doc["Subject"] = nil
	}
	if _, ok := doc["MessageAttributes"]; !ok {
		doc["MessageAttributes"] = map[string]any{}
	}
	return doc, nil
}

func (n *Notes) sign(ctx context.Context, d *topic.Delivery, doc map[string]any) error {
	version := d.Signature
	if version == "" {
		version = "1"
	}
	_, name, err := n.Signer.Certificate(ctx)
	if err != nil {
		return err
	}
	doc["SignatureVersion"], doc["SigningCertURL"] = version, n.Endpoint()+CertificatePath+name
	text := canonical(doc)
	doc["Signature"], err = d.Memo.Once(version+text, func() (string, error) { return n.Signer.Sign(ctx, version, text) })
	return err
}

// Handshake is the document that asks an endpoint to confirm its subscription, or tells it that it was removed.
func (n *Notes) Handshake(ctx context.Context, x *topic.Notice) (map[string]any, error) {
	d := &x.Delivery
	text := "You have chosen to subscribe to the topic " + d.Subscription.Topic.ARN() + ".\nTo confirm the subscription, visit the SubscribeURL included in this message."
	if x.Kind == topic.Removal {
		text = "You have chosen to deactivate subscription " + d.Subscription.ARN() + ".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
	}
	doc := map[string]any{
		"Type": string(x.Kind), "MessageId": d.Message.ID, "Token": d.Subscription.Token, "TopicArn": d.Subscription.Topic.ARN(), "Message": text,
		"SubscribeURL": n.confirmURL(d), "Timestamp": d.At.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	return doc, n.sign(ctx, d, doc)
}

// order is that of the members in the documents, as AWS writes them.
var order = []string{
	"Type", "MessageId", "Token", "SequenceNumber", "TopicArn", "Subject", "Message", "SubscribeURL", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL",
	"UnsubscribeURL", "MessageAttributes",
}

// Marshal is json.Marshal that leaves <, > and & as they are, as AWS does in its notifications.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// encode writes a document with its members in AWS's order, a line each.
func encode(doc map[string]any) ([]byte, error) {
	var names []string
	for _, n := range order {
		if _, ok := doc[n]; ok {
			names = append(names, n)
		}
	}
	for n := range doc {
		if !slices.Contains(order, n) {
			names = append(names, n)
		}
	}
	out := []byte("{\n")
	for i, n := range names {
		v, err := Marshal(doc[n])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, `  "`+n+`" : `...), v...), ",\n"...)
		if i == len(names)-1 {
			out = append(out[:len(out)-2], "\n}"...)
		}
	}
	return out, nil
}
