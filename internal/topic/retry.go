package topic

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv/key"
)

// RetryPolicy says when a delivery by HTTP is tried again. Delays are in seconds.
//
// Source: "Amazon SNS message delivery retries" in the Amazon SNS developer guide.
type RetryPolicy struct {
	MinDelayTarget     int    `json:"minDelayTarget"`
	MaxDelayTarget     int    `json:"maxDelayTarget"`
	NumRetries         int    `json:"numRetries"`
	NumMaxDelayRetries int    `json:"numMaxDelayRetries"`
	NumNoDelayRetries  int    `json:"numNoDelayRetries"`
	NumMinDelayRetries int    `json:"numMinDelayRetries"`
	BackoffFunction    string `json:"backoffFunction"` // linear, arithmetic, geometric or exponential
}

// DefaultRetry is the policy of endpoints by HTTP.
var DefaultRetry = RetryPolicy{MinDelayTarget: 20, MaxDelayTarget: 20, NumRetries: 3, BackoffFunction: "linear"}

// mailRetry is the policy of mail: fifty attempts within six hours.
var mailRetry = RetryPolicy{MinDelayTarget: 10, MaxDelayTarget: 600, NumRetries: 50, NumMinDelayRetries: 2, NumMaxDelayRetries: 38, BackoffFunction: "exponential"}

// Delay returns how long to wait after the attempt with this number (from 0), or false when it was the last.
func (p RetryPolicy) Delay(attempt int) (time.Duration, bool) {
	lo, hi := float64(p.MinDelayTarget), float64(p.MaxDelayTarget)
	middle := p.NumRetries - p.NumNoDelayRetries - p.NumMinDelayRetries - p.NumMaxDelayRetries
	seconds := hi
	switch i := attempt - p.NumNoDelayRetries - p.NumMinDelayRetries; {
	case attempt >= p.NumRetries:
		return 0, false
	case attempt < p.NumNoDelayRetries:
		seconds = 0
	case i < 0:
		seconds = lo
	case i < middle && middle > 1:
		share := float64(i) / float64(middle-1)
		switch p.BackoffFunction {
		case "arithmetic": // the steps grow evenly
			seconds = lo + (hi-lo)*share*(share+1)/2
		case "geometric":
			seconds = lo * math.Pow(hi/lo, share)
		case "exponential":
			seconds = lo + (hi-lo)*(math.Exp2(share*8)-1)/255
		default:
			seconds = lo + (hi-lo)*share
		}
	case i < middle:
		seconds = lo
	}
	return time.Duration(seconds * float64(time.Second)), true
}

func (p RetryPolicy) check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: DeliveryPolicy: %s", ErrBadParameter, fmt.Sprintf(format, args...))
	}
	switch {
	case p.MinDelayTarget < 1 || p.MinDelayTarget > p.MaxDelayTarget:
		return fail("healthyRetryPolicy.minDelayTarget must be between 1 and maxDelayTarget: %d", p.MinDelayTarget)
	case p.MaxDelayTarget > 3600:
		return fail("healthyRetryPolicy.maxDelayTarget must be at most 3600: %d", p.MaxDelayTarget)
	case p.NumRetries < 0 || p.NumRetries > 100:
		return fail("healthyRetryPolicy.numRetries must be between 0 and 100: %d", p.NumRetries)
	case p.NumNoDelayRetries < 0 || p.NumMinDelayRetries < 0 || p.NumMaxDelayRetries < 0 || p.NumNoDelayRetries+p.NumMinDelayRetries+p.NumMaxDelayRetries > p.NumRetries:
		return fail("healthyRetryPolicy.numRetries must be the sum of the phases' retries at least: %d", p.NumRetries)
	case !strings.Contains("|linear|arithmetic|geometric|exponential|", "|"+p.BackoffFunction+"|"):
		return fail("healthyRetryPolicy.backoffFunction must be linear, arithmetic, geometric or exponential: %s", p.BackoffFunction)
	}
	total := time.Duration(0)
	for i := range p.NumRetries {
		d, _ := p.Delay(i)
		total += d
	}
	if total > time.Hour {
		return fail("the retries take %v: want an hour at most", total)
	}
	return nil
}

// HTTPPolicy is what a delivery policy says of endpoints by HTTP.
type HTTPPolicy struct {
	Retry       RetryPolicy
	ContentType string // "" = text/plain; charset=UTF-8
	PerSecond   int    // posts at most; 0 = as fast as it goes
	NoOverrides bool   // of a topic: policies of subscriptions do not count
}

// ParseDeliveryPolicy reads the attribute DeliveryPolicy of a topic (ofTopic) or of a subscription; "" is the default.
func ParseDeliveryPolicy(text string, ofTopic bool) (HTTPPolicy, error) {
	out := HTTPPolicy{Retry: DefaultRetry}
	if text == "" {
		return out, nil
	}
	type request struct {
		ContentType string `json:"headerContentType"`
	}
	type throttle struct {
		PerSecond *int `json:"maxReceivesPerSecond"`
	}
	var doc struct {
		HTTP struct {
			Retry       *RetryPolicy `json:"defaultHealthyRetryPolicy"`
			NoOverrides bool         `json:"disableSubscriptionOverrides"`
			Throttle    *throttle    `json:"defaultThrottlePolicy"`
			Request     *request     `json:"defaultRequestPolicy"`
		} `json:"http"`
		Retry    *RetryPolicy    `json:"healthyRetryPolicy"`
		Sickly   json.RawMessage `json:"sicklyRetryPolicy"` // of no effect
		Assured  json.RawMessage `json:"guaranteed"`        // of no effect
		Throttle *throttle       `json:"throttlePolicy"`
		Request  *request        `json:"requestPolicy"`
	}
	doc.HTTP.Retry, doc.Retry = new(DefaultRetry), new(DefaultRetry)
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return out, fmt.Errorf("%w: DeliveryPolicy: %w", ErrBadParameter, err)
	}
	retry, limit, req := doc.Retry, doc.Throttle, doc.Request
	if ofTopic {
		retry, limit, req, out.NoOverrides = doc.HTTP.Retry, doc.HTTP.Throttle, doc.HTTP.Request, doc.HTTP.NoOverrides
	}
	if limit != nil && limit.PerSecond != nil {
		if out.PerSecond = *limit.PerSecond; out.PerSecond < 1 {
			return out, fmt.Errorf("%w: DeliveryPolicy: throttlePolicy.maxReceivesPerSecond must be at least 1: %d", ErrBadParameter, out.PerSecond)
		}
	}
	if req != nil {
		out.ContentType = req.ContentType
	}
	if retry != nil {
		out.Retry = *retry
	}
	return out, out.Retry.check()
}

// EffectivePolicy returns the policy in force for a subscription; s nil is that of the topic.
func EffectivePolicy(t *Topic, s *Subscription) HTTPPolicy {
	p, err := ParseDeliveryPolicy(t.Attributes["DeliveryPolicy"], true)
	if err != nil {
		p = HTTPPolicy{Retry: DefaultRetry} // it was checked when it was set
	}
	if s != nil && s.Retry != "" && !p.NoOverrides {
		if own, err := ParseDeliveryPolicy(s.Retry, false); err == nil {
			return own
		}
	}
	return p
}

func retryOf(t *Topic, s *Subscription) RetryPolicy {
	if strings.HasPrefix(s.Protocol, "email") {
		return mailRetry
	}
	return EffectivePolicy(t, s).Retry
}

func removedPrefix() key.Key { return key.In(key.Topic).Str("u") }
