package floor

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// request has the members of all the calls of SQS that the benchmarks make.
type request struct {
	QueueName, QueueUrl, MessageBody, ReceiptHandle string
	MaxNumberOfMessages, WaitTimeSeconds            int
	Entries                                         []struct{ Id, MessageBody, ReceiptHandle string }
}

type sent struct {
	Id               string `json:",omitempty"`
	MessageId        string
	MD5OfMessageBody string
}

// queue keeps a message in the store from its sending to its deletion; a receive writes when it becomes visible again.
func (s *Server) queue(w http.ResponseWriter, op string, body []byte) error {
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	b := s.db.NewBatch()
	var out any
	switch op {
	case "CreateQueue":
		s.queues[in.QueueName] = make(chan message, 1<<20)
		return json.NewEncoder(w).Encode(map[string]string{"QueueUrl": in.QueueName})
	case "SendMessage":
		m, answer, err := s.send(b, "", in.MessageBody)
		if err != nil {
			return err
		}
		out = answer
		defer func() { s.queues[in.QueueUrl] <- m }()
	case "SendMessageBatch":
		var answers []sent
		for _, e := range in.Entries {
			m, answer, err := s.send(b, e.Id, e.MessageBody)
			if err != nil {
				return err
			}
			answers = append(answers, answer)
			defer func() { s.queues[in.QueueUrl] <- m }()
		}
		out = map[string]any{"Successful": answers}
	case "ReceiveMessage":
		answer, err := s.receive(b, &in)
		if err != nil {
			return err
		}
		out = answer
	case "DeleteMessage":
		if err := b.Delete([]byte(in.ReceiptHandle), nil); err != nil {
			return err
		}
	case "DeleteMessageBatch":
		for _, e := range in.Entries {
			if err := b.Delete([]byte(e.ReceiptHandle), nil); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("the floor does not have %s", op)
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(out)
}

func (s *Server) send(b *pebble.Batch, id, text string) (message, sent, error) {
	key := "m" + strconv.FormatInt(s.handle.Add(1), 36)
	quoted, err := json.Marshal(text)
	if err != nil {
		return message{}, sent{}, err
	}
	sum := md5.Sum([]byte(text))
	return message{key, quoted}, sent{id, key, hex.EncodeToString(sum[:])}, b.Set([]byte(key), quoted, nil)
}

func (s *Server) receive(b *pebble.Batch, in *request) (any, error) {
	type got struct {
		MessageId, ReceiptHandle, MD5OfBody string
		Body                                json.RawMessage
	}
	var all []got
	wait := time.After(time.Duration(in.WaitTimeSeconds) * time.Second)
	for len(all) < max(in.MaxNumberOfMessages, 1) {
		select {
		case m := <-s.queues[in.QueueUrl]:
			sum := md5.Sum(m.body)
			all = append(all, got{m.key, m.key, hex.EncodeToString(sum[:]), m.body})
			if err := b.Set([]byte("v"+m.key), strconv.AppendInt(nil, time.Now().UnixMilli(), 10), nil); err != nil {
				return nil, err
			}
			continue
		default:
		}
		if len(all) > 0 {
			break
		}
		select {
		case m := <-s.queues[in.QueueUrl]:
			s.queues[in.QueueUrl] <- m
		case <-wait:
			return map[string]any{}, nil
		}
	}
	return map[string]any{"Messages": all}, nil
}
