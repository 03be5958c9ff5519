package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// waitingPolls is how many receives wait at once for messages that do not come.
const waitingPolls = 10_000

// polls opens receives of twenty seconds on ten queues, each on a connection of its own, and tells how much memory the server
// has more while they wait, and how much processor time it used within five seconds of that.
func polls(s *server) (string, error) {
	var queues []string
	for k := range 10 {
		queue, err := s.makeQueue(fmt.Sprint("polls-", k), nil)
		if err != nil {
			return "", err
		}
		queues = append(queues, queue)
	}
	before, err := s.resident()
	if err != nil {
		return "", err
	}
	conns := make([]net.Conn, waitingPolls)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	began := time.Now()
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := w; i < len(conns) && errs[w] == nil; i += len(errs) {
				conns[i], errs[w] = s.poll(queues[i%len(queues)])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	opened := time.Since(began)
	if opened > 12*time.Second {
		return "", fmt.Errorf("%d polls took %v to open: the first ones end before they can be measured", waitingPolls, opened)
	}
	time.Sleep(time.Second)
	used := s.cpu()
	time.Sleep(5 * time.Second)
	used = s.cpu() - used
	after, err := s.resident()
	if err != nil {
		return "", err
	}
	for i, c := range conns { // one that was answered meanwhile is none that waits
		if err := c.SetReadDeadline(time.Now().Add(time.Microsecond)); err != nil {
			return "", err
		}
		if n, err := c.Read(make([]byte, 1)); n > 0 || !os.IsTimeout(err) {
			return "", fmt.Errorf("poll %d does not wait: %d bytes, %v", i, n, err)
		}
	}
	return fmt.Sprintf("%d waiting long polls (opened in %.1f s): %.0f MB more resident memory, %.0f MB in all; %v of processor time in 5 s",
		waitingPolls, opened.Seconds(), float64(after-before)/1e6, float64(after)/1e6, used), nil
}

// poll sends a receive on a connection of its own and does not wait for the answer.
func (c *client) poll(queue string) (net.Conn, error) {
	body, err := json.Marshal(map[string]any{"QueueUrl": queue, "WaitTimeSeconds": 20})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest("POST", c.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
	sigv4.Sign(req, c.cred, "us-east-1", "sqs", time.Now(), sigv4.Hash(body))
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.endpoint, "http://"))
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriter(conn)
	if err := errors.Join(req.Write(w), w.Flush()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// resident is the resident memory of the server's process in bytes.
func (s *server) resident() (int64, error) {
	b, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(s.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, err
	}
	var kib int64
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0, fmt.Errorf("read the resident memory: %w", err)
	}
	return kib << 10, nil
}
