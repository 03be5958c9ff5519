package queue

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/policy"
)

var (
	nameForm  = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)
	groupForm = regexp.MustCompile("^[a-zA-Z0-9!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]{1,128}$")
	attrForm  = regexp.MustCompile(`^[\pL\pN_.-]{1,256}$`)
	typeForm  = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
)

func validName(name string, fifo bool) error {
	base, suffixed := strings.CutSuffix(name, ".fifo")
	switch {
	case fifo && !suffixed:
		return fmt.Errorf("%w: the name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length", ErrBadName)
	case !fifo && suffixed, len(name) > 80, !nameForm.MatchString(base):
		return fmt.Errorf("%w: can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length", ErrBadName)
	}
	return nil
}

// badToken is the reason for which ids of groups and of deduplication are refused.
const badToken = "%s can only include alphanumeric and punctuation characters. 1 to 128 in length."

// validate checks settings as a whole.
func (e *Engine) validate(r Ref, set Settings) error {
	in := func(name string, v, lo, hi time.Duration) error {
		if v < lo || v > hi {
			return fmt.Errorf("%w %s. Reason: %d: want %d to %d", ErrBadAttribute, name, int(v.Seconds()), int(lo.Seconds()), int(hi.Seconds()))
		}
		return nil
	}
	for _, err := range []error{
		in("VisibilityTimeout", set.Visibility, 0, MaxVisibility), in("DelaySeconds", set.Delay, 0, MaxDelay),
		in("MessageRetentionPeriod", set.Retention, MinRetention, MaxRetention), in("ReceiveMessageWaitTimeSeconds", set.Wait, 0, MaxWait),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case set.MaxMessageBytes < MinMessageBytes || set.MaxMessageBytes > MaxMessageBytes:
		return fmt.Errorf("%w MaximumMessageSize. Reason: %d: want %d to %d", ErrBadAttribute, set.MaxMessageBytes, MinMessageBytes, MaxMessageBytes)
	case !set.FIFO && (set.ContentDedup || set.DedupPerGroup || set.LimitPerGroup):
		return fmt.Errorf("%w: ContentBasedDeduplication, DeduplicationScope and FifoThroughputLimit are of FIFO queues only", ErrBadAttribute)
	case set.LimitPerGroup && !set.DedupPerGroup:
		return fmt.Errorf("%w: FifoThroughputLimit can be set to perMessageGroupId only when DeduplicationScope is set to messageGroup", ErrBadAttribute)
	}
	if set.Policy != "" {
		if _, err := policy.Parse(policy.Resource, set.Policy); err != nil {
			return fmt.Errorf("%w Policy. Reason: %w", ErrBadAttribute, err)
		}
	}
	if a := set.RedriveAllow; a != nil {
		switch {
		case !slices.Contains([]string{"allowAll", "denyAll", "byQueue"}, a.Permission):
			return fmt.Errorf("%w RedriveAllowPolicy. Reason: redrivePermission %q: want allowAll, denyAll or byQueue", ErrBadAttribute, a.Permission)
		case (a.Permission == "byQueue") != (len(a.Sources) > 0), len(a.Sources) > maxSourcesPerAllow:
			return fmt.Errorf("%w RedriveAllowPolicy. Reason: sourceQueueArns: want 1 to %d with byQueue, and none otherwise", ErrBadAttribute, maxSourcesPerAllow)
		}
	}
	if set.Redrive != nil {
		return e.validateRedrive(r, &set)
	}
	return nil
}

func (e *Engine) validateRedrive(r Ref, set *Settings) error {
	d := set.Redrive
	if d.MaxReceives < 1 || d.MaxReceives > MaxReceiveCount {
		return fmt.Errorf("%w RedrivePolicy. Reason: maxReceiveCount %d: want 1 to %d", ErrBadAttribute, d.MaxReceives, MaxReceiveCount)
	}
	t, ok := ParseARN(d.TargetARN)
	if !ok {
		return fmt.Errorf("%w RedrivePolicy. Reason: deadLetterTargetArn %q is not the ARN of a queue", ErrBadAttribute, d.TargetARN)
	}
	s, err := e.shard(t)
	if err != nil {
		return fmt.Errorf("%w RedrivePolicy. Reason: dead letter target does not exist: %s", ErrBadAttribute, d.TargetARN)
	}
	if t.Region != r.Region || t.Account != r.Account {
		return fmt.Errorf("%w RedrivePolicy. Reason: dead-letter target owner and region must be those of the source: %s", ErrBadAttribute, d.TargetARN)
	}
	if s.fifo != set.FIFO {
		return fmt.Errorf("%w RedrivePolicy. Reason: dead-letter queue must be same type of queue as the source", ErrBadAttribute)
	}
	if t == r {
		return nil // a queue may be its own
	}
	a := s.definition().Settings.RedriveAllow
	if a != nil && (a.Permission == "denyAll" || a.Permission == "byQueue" && !slices.Contains(a.Sources, r.ARN())) {
		return fmt.Errorf("%w RedrivePolicy. Reason: %s does not allow %s to use it as a dead-letter queue (its RedriveAllowPolicy is %s)", ErrBadAttribute, d.TargetARN, r.ARN(), a.Permission)
	}
	return nil
}

// Size returns the bytes of a message that count against the limit: body and attributes, with their names and types.
func (m *Message) Size() int {
	n := len(m.Body)
	for _, a := range m.Attributes {
		n += len(a.Name) + len(a.Type) + len(a.Value)
	}
	return n
}

func checkMessage(m *Message, set *Settings) error {
	switch {
	case m.Body == "":
		return refuse(ErrMissing, "the request must contain the parameter MessageBody.")
	case m.Size() > set.MaxMessageBytes:
		return refuse(ErrTooLong, "one or more parameters are invalid. Reason: Message must be shorter than %d bytes.", set.MaxMessageBytes)
	case !allowed(m.Body):
		return refuse(ErrBadContents, "invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.")
	case m.Delay != nil && (*m.Delay < 0 || *m.Delay > MaxDelay):
		return badParameter("DelaySeconds", int(m.Delay.Seconds()), "DelaySeconds must be >= 0 and <= %d.", int(MaxDelay.Seconds()))
	case len(m.Attributes) > MaxAttributes:
		return refuse(ErrBadParameter, "number of message attributes [%d] exceeds the allowed maximum [%d].", len(m.Attributes), MaxAttributes)
	}
	for i := range m.Attributes {
		if err := checkAttribute(&m.Attributes[i]); err != nil {
			return err
		}
	}
	if m.Group != "" && !groupForm.MatchString(m.Group) {
		return badParameter("MessageGroupId", m.Group, badToken, "MessageGroupId")
	}
	if !set.FIFO {
		if m.DedupID != "" {
			return badParameter("MessageDeduplicationId", m.DedupID, "The request includes a parameter that is not valid for this queue type.")
		}
		return nil
	}
	switch {
	case m.Group == "":
		return refuse(ErrMissing, "the request must contain the parameter MessageGroupId.")
	case m.DedupID != "" && !groupForm.MatchString(m.DedupID):
		return badParameter("MessageDeduplicationId", m.DedupID, badToken, "MessageDeduplicationId")
	case m.DedupID == "" && !set.ContentDedup:
		return ErrNoDedupID
	case m.Delay != nil && *m.Delay != 0:
		return badParameter("DelaySeconds", int(m.Delay.Seconds()), "The request include parameter that is not valid for this queue type.")
	}
	return nil
}

func checkAttribute(a *Attribute) error {
	lower := strings.ToLower(a.Name)
	switch {
	case !attrForm.MatchString(a.Name) || strings.HasPrefix(a.Name, ".") || strings.HasSuffix(a.Name, ".") || strings.Contains(a.Name, ".."):
		return refuse(ErrBadParameter, "invalid message attribute name %q: want 1 to 256 letters, digits, _, - and . (not first, last or twice in a row).", a.Name)
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return refuse(ErrBadParameter, "invalid message attribute name %q must not start with AWS. or Amazon.", a.Name)
	case !typeForm.MatchString(a.Type) || len(a.Type) > 256:
		return refuse(ErrBadParameter, "message (user) attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", a.Name)
	case len(a.Value) == 0:
		return refuse(ErrBadParameter, "message (user) attribute '%s' must contain a non-empty value of type '%s'.", a.Name, a.Type)
	case !strings.HasPrefix(a.Type, "Binary") && !allowed(string(a.Value)):
		return refuse(ErrBadParameter, "message (user) attribute '%s' contains invalid characters.", a.Name)
	}
	if strings.HasPrefix(a.Type, "Number") {
		if _, err := strconv.ParseFloat(string(a.Value), 64); err != nil && !strings.Contains(err.Error(), "range") {
			return refuse(ErrBadParameter, "can't cast the value of message (user) attribute '%s' to a number.", a.Name)
		}
	}
	return nil
}

// allowed reports whether s has only characters that XML can carry.
func allowed(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		i += n
	}
	return true
}
