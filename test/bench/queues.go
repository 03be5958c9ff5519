package main

import (
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// text is a message of 1 KiB.
var text = strings.Repeat("tarn ", 1024/5+1)[:1024]

func (c *client) sqs(op string, in, out any) error {
	return c.json("sqs", "1.0", "AmazonSQS."+op, in, out)
}

func (c *client) makeQueue(name string, attributes map[string]string) (string, error) {
	var out struct{ QueueUrl string }
	err := c.sqs("CreateQueue", map[string]any{"QueueName": name, "Attributes": attributes}, &out)
	return out.QueueUrl, err
}

type received struct {
	Messages []struct{ ReceiptHandle, Body string }
}

func (c *client) receive(queue string, n int) (received, error) {
	var got received
	err := c.sqs("ReceiveMessage", map[string]any{"QueueUrl": queue, "MaxNumberOfMessages": n, "WaitTimeSeconds": 1}, &got)
	for _, m := range got.Messages {
		if m.Body != text {
			return got, fmt.Errorf("received %.50q", m.Body)
		}
	}
	return got, err
}

type entry struct {
	Id                     string `json:",omitempty"`
	MessageBody            string `json:",omitempty"`
	ReceiptHandle          string `json:",omitempty"`
	MessageGroupId         string `json:",omitempty"`
	MessageDeduplicationId string `json:",omitempty"`
}

func (c *client) remove(queue string, got received) error {
	if len(got.Messages) == 1 {
		return c.sqs("DeleteMessage", map[string]string{"QueueUrl": queue, "ReceiptHandle": got.Messages[0].ReceiptHandle}, nil)
	}
	var all []entry
	for i, m := range got.Messages {
		all = append(all, entry{Id: fmt.Sprint(i), ReceiptHandle: m.ReceiptHandle})
	}
	var out struct{ Failed []struct{ Code string } }
	err := c.sqs("DeleteMessageBatch", map[string]any{"QueueUrl": queue, "Entries": all}, &out)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("%d deletes failed: %s", len(out.Failed), out.Failed[0].Code)
	}
	return err
}

// sqsCycle sends, receives and deletes, batch messages a call. A worker may receive what another one sent.
func sqsCycle(batch int, fifo bool) func(*server, int, time.Duration) (sample, error) {
	return func(s *server, rep int, d time.Duration) (sample, error) {
		name, attributes := fmt.Sprintf("cycle-%d-%d", batch, rep), map[string]string{"VisibilityTimeout": "60"}
		if fifo {
			name += ".fifo"
			attributes["FifoQueue"] = "true"
		}
		queue, err := s.makeQueue(name, attributes)
		if err != nil {
			return sample{}, err
		}
		return load{workers: 16, time: d, op: func(w int, i int64) (int, error) {
			var all []entry
			for k := range batch {
				e := entry{Id: fmt.Sprint(k), MessageBody: text}
				if fifo {
					e.MessageGroupId, e.MessageDeduplicationId = fmt.Sprint(w), fmt.Sprintf("%d-%d", i, k)
				}
				all = append(all, e)
			}
			if batch == 1 {
				err = s.sqs("SendMessage", map[string]string{"QueueUrl": queue, "MessageBody": text}, nil)
			} else {
				err = s.sqs("SendMessageBatch", map[string]any{"QueueUrl": queue, "Entries": all}, nil)
			}
			for done, tries := 0, 0; done < batch && tries < 4 && err == nil; tries++ {
				var got received
				if got, err = s.receive(queue, batch); err != nil || len(got.Messages) == 0 {
					continue
				}
				err = s.remove(queue, got)
				done += len(got.Messages)
			}
			return batch, err
		}}.run(s.cpu)
	}
}

const fan = 10

// snsFan publishes to a topic with ten raw queues, which are drained at the same time. A unit is one delivery with its
// receive and delete.
func snsFan(s *server, rep int, d time.Duration) (sample, error) {
	out, err := s.form("sns", url.Values{"Action": {"CreateTopic"}, "Version": {"2010-03-31"}, "Name": {fmt.Sprint("fan-", rep)}})
	if err != nil {
		return sample{}, err
	}
	topic := element(out, "TopicArn")
	var queues []string
	for k := range fan {
		queue, err := s.makeQueue(fmt.Sprintf("fan-%d-%d", rep, k), nil)
		if err != nil {
			return sample{}, err
		}
		queues = append(queues, queue)
		var got struct{ Attributes map[string]string }
		if err := s.sqs("GetQueueAttributes", map[string]any{"QueueUrl": queue, "AttributeNames": []string{"QueueArn"}}, &got); err != nil {
			return sample{}, err
		}
		arn := got.Attributes["QueueArn"]
		policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"%s"}]}`, arn)
		// A peer without policies says so; its queues take the messages without one.
		if err := s.sqs("SetQueueAttributes", map[string]any{"QueueUrl": queue, "Attributes": map[string]string{"Policy": policy}}, nil); err != nil && s.name == tarn {
			return sample{}, err
		}
		if _, err := s.form("sns", url.Values{
			"Action": {"Subscribe"}, "Version": {"2010-03-31"}, "TopicArn": {topic}, "Protocol": {"sqs"}, "Endpoint": {arn},
			"Attributes.entry.1.key": {"RawMessageDelivery"}, "Attributes.entry.1.value": {"true"},
		}); err != nil {
			return sample{}, err
		}
	}
	const messages = 1000
	var sent, got atomic.Int64
	deadline := time.Now().Add(d + time.Minute)
	smp, err := load{workers: 4 + fan, calls: 4 + fan, op: func(_ int, w int64) (int, error) {
		if w < 4 {
			for sent.Add(1) <= messages {
				if _, err := s.form("sns", url.Values{"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {topic}, "Message": {text}}); err != nil {
					return 0, err
				}
			}
			return 0, nil
		}
		n, queue := 0, queues[w-4]
		for n < messages {
			if time.Now().After(deadline) {
				return 0, fmt.Errorf("received %d of %d messages", n, messages)
			}
			in, err := s.receive(queue, 10)
			if err != nil {
				return 0, err
			}
			if len(in.Messages) > 0 {
				if err := s.remove(queue, in); err != nil {
					return 0, err
				}
			}
			n += len(in.Messages)
		}
		got.Add(int64(n))
		return n, nil
	}}.run(s.cpu)
	smp.calls = nil // each call is a whole drain: no latency of anything
	return smp, err
}
