package sqsapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

func badValue(name, value string) error {
	return &protocol.Error{Code: Code_InvalidAttributeValue, Message: fmt.Sprintf("Invalid value for the parameter %s: %q.", name, value)}
}

// applyAttributes sets the attributes that a request gives.
func applyAttributes(set *queue.Settings, attrs map[string]string, creating bool) error {
	for name, v := range attrs {
		if err := applyAttribute(set, name, v, creating); err != nil {
			return err
		}
	}
	return fifoOnly(set, attrs)
}

func applyAttribute(set *queue.Settings, name, v string, creating bool) error {
	seconds := func(p *time.Duration) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 1<<31 {
			return badValue(name, v)
		}
		*p = time.Duration(n) * time.Second
		return nil
	}
	flag := func(p *bool) error {
		if *p = strings.EqualFold(v, "true"); !*p && !strings.EqualFold(v, "false") {
			return badValue(name, v)
		}
		return nil
	}
	choice := func(p *bool, no, yes string) error {
		if v != no && v != yes {
			return badValue(name, v)
		}
		*p = v == yes
		return nil
	}
	switch QueueAttributeName(name) {
	case QueueAttributeName_VisibilityTimeout:
		return seconds(&set.Visibility)
	case QueueAttributeName_DelaySeconds:
		return seconds(&set.Delay)
	case QueueAttributeName_MessageRetentionPeriod:
		return seconds(&set.Retention)
	case QueueAttributeName_ReceiveMessageWaitTimeSeconds:
		return seconds(&set.Wait)
	case QueueAttributeName_MaximumMessageSize:
		n, err := strconv.Atoi(v)
		if err != nil {
			return badValue(name, v)
		}
		set.MaxMessageBytes = n
		return nil
	case QueueAttributeName_Policy:
		set.Policy = v
		return nil
	case QueueAttributeName_RedrivePolicy:
		return redrive(set, v)
	case QueueAttributeName_RedriveAllowPolicy:
		return redriveAllow(set, v)
	case QueueAttributeName_FifoQueue:
		fifo := false
		if err := flag(&fifo); err != nil {
			return err
		}
		if creating && !fifo || !creating && !set.FIFO {
			return unknownAttribute(name)
		}
		set.FIFO = fifo
		return nil
	case QueueAttributeName_ContentBasedDeduplication:
		return flag(&set.ContentDedup)
	case QueueAttributeName_DeduplicationScope:
		return choice(&set.DedupPerGroup, "queue", "messageGroup")
	case QueueAttributeName_FifoThroughputLimit:
		return choice(&set.LimitPerGroup, "perQueue", "perMessageGroupId")
	case QueueAttributeName_SqsManagedSseEnabled:
		on := !set.Unencrypted
		err := flag(&on)
		set.Unencrypted = !on
		return err
	case QueueAttributeName_KmsMasterKeyId, QueueAttributeName_KmsDataKeyReusePeriodSeconds:
		if v == "" || name == string(QueueAttributeName_KmsDataKeyReusePeriodSeconds) {
			return nil // says nothing without a key
		}
		return &protocol.Error{Code: Code_UnsupportedOperation, Message: "Tarn has no KMS keys: leave KmsMasterKeyId out."}
	}
	return unknownAttribute(name)
}

func unknownAttribute(name string) error {
	return &protocol.Error{Code: Code_InvalidAttributeName, Message: "Unknown Attribute " + name + "."}
}

// fifoOnly refuses the attributes of FIFO queues for a queue that is none.
func fifoOnly(set *queue.Settings, attrs map[string]string) error {
	if set.FIFO {
		return nil
	}
	if name := string(QueueAttributeName_ContentBasedDeduplication); has(attrs, name) {
		return unknownAttribute(name)
	}
	for _, n := range []QueueAttributeName{QueueAttributeName_DeduplicationScope, QueueAttributeName_FifoThroughputLimit} {
		if has(attrs, string(n)) {
			return &protocol.Error{Code: Code_InvalidAttributeName, Message: fmt.Sprintf("You can specify the %s only when FifoQueue is set to true.", n)}
		}
	}
	return nil
}

func has(attrs map[string]string, name string) bool {
	_, ok := attrs[name]
	return ok
}

func redrive(set *queue.Settings, v string) error {
	if v == "" {
		set.Redrive = nil
		return nil
	}
	var doc struct {
		Target string          `json:"deadLetterTargetArn"`
		Max    json.RawMessage `json:"maxReceiveCount"` // a number, or one in quotes
	}
	if json.Unmarshal([]byte(v), &doc) != nil || doc.Target == "" || doc.Max == nil {
		return &protocol.Error{Code: "InvalidParameterValue", Message: "Value " + v + " for parameter RedrivePolicy is invalid. Reason: want deadLetterTargetArn and maxReceiveCount."}
	}
	text := string(doc.Max)
	if s, err := strconv.Unquote(text); err == nil {
		text = s
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return &protocol.Error{Code: "InvalidParameterValue", Message: "Value " + v + " for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: " + text + "."}
	}
	set.Redrive = &queue.Redrive{TargetARN: doc.Target, MaxReceives: n}
	return nil
}

func redriveAllow(set *queue.Settings, v string) error {
	if v == "" {
		set.RedriveAllow = nil
		return nil
	}
	var doc struct {
		Permission string   `json:"redrivePermission"`
		Sources    []string `json:"sourceQueueArns"`
	}
	if json.Unmarshal([]byte(v), &doc) != nil {
		return badValue("RedriveAllowPolicy", v)
	}
	set.RedriveAllow = &queue.RedriveAllow{Permission: doc.Permission, Sources: doc.Sources}
	return nil
}

// attributesOf lists all attributes of a queue.
func attributesOf(q queue.Queue, n queue.Counts) map[QueueAttributeName]string {
	s := &q.Settings
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
	m := map[QueueAttributeName]string{
		QueueAttributeName_QueueArn:                              q.ARN(),
		QueueAttributeName_VisibilityTimeout:                     seconds(s.Visibility),
		QueueAttributeName_DelaySeconds:                          seconds(s.Delay),
		QueueAttributeName_MessageRetentionPeriod:                seconds(s.Retention),
		QueueAttributeName_ReceiveMessageWaitTimeSeconds:         seconds(s.Wait),
		QueueAttributeName_MaximumMessageSize:                    strconv.Itoa(s.MaxMessageBytes),
		QueueAttributeName_CreatedTimestamp:                      strconv.FormatInt(q.Created.Unix(), 10),
		QueueAttributeName_LastModifiedTimestamp:                 strconv.FormatInt(q.Modified.Unix(), 10),
		QueueAttributeName_ApproximateNumberOfMessages:           strconv.Itoa(n.Visible),
		QueueAttributeName_ApproximateNumberOfMessagesNotVisible: strconv.Itoa(n.InFlight),
		QueueAttributeName_ApproximateNumberOfMessagesDelayed:    strconv.Itoa(n.Delayed),
		QueueAttributeName_SqsManagedSseEnabled:                  strconv.FormatBool(!s.Unencrypted),
	}
	if s.Policy != "" {
		m[QueueAttributeName_Policy] = s.Policy
	}
	if s.Redrive != nil {
		m[QueueAttributeName_RedrivePolicy] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, s.Redrive.TargetARN, s.Redrive.MaxReceives)
	}
	if a := s.RedriveAllow; a != nil {
		doc := map[string]any{"redrivePermission": a.Permission}
		if len(a.Sources) > 0 {
			doc["sourceQueueArns"] = a.Sources
		}
		text, err := json.Marshal(doc)
		if err != nil {
			panic("BUG: encode redrive allow policy: " + err.Error())
		}
		m[QueueAttributeName_RedriveAllowPolicy] = string(text)
	}
	if s.FIFO {
		m[QueueAttributeName_FifoQueue] = "true"
		m[QueueAttributeName_ContentBasedDeduplication] = strconv.FormatBool(s.ContentDedup)
		m[QueueAttributeName_DeduplicationScope] = map[bool]string{false: "queue", true: "messageGroup"}[s.DedupPerGroup]
		m[QueueAttributeName_FifoThroughputLimit] = map[bool]string{false: "perQueue", true: "perMessageGroupId"}[s.LimitPerGroup]
	}
	return m
}
