package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// client calls one endpoint with signed requests. It is safe for concurrent use.
type client struct {
	endpoint string
	cred     sigv4.Credential
	http     *http.Client
}

func newClient(endpoint string, cred sigv4.Credential) *client {
	return &client{endpoint: endpoint, cred: cred, http: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true, ReadBufferSize: 32 << 10, WriteBufferSize: 32 << 10},
	}}
}

// call is one request. Path and query are escaped already.
type call struct {
	service, method, path, query string
	header                       map[string]string
	body                         []byte
	sink                         io.Writer // takes the answer when it is good; nil = do returns it
}

// do signs and sends c and returns the whole answer. A status of 300 or more is an error with the start of the answer.
func (c *client) do(r call) ([]byte, http.Header, error) {
	u := c.endpoint + r.path
	if r.query != "" {
		u += "?" + r.query
	}
	req, err := http.NewRequest(r.method, u, bytes.NewReader(r.body))
	if err != nil {
		return nil, nil, err
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	hash := ""
	if len(r.body) > 0 {
		hash = sigv4.Hash(r.body)
	}
	sigv4.Sign(req, c.cred, "us-east-1", r.service, time.Now(), hash)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if r.sink != nil && resp.StatusCode < 300 {
		_, err := io.Copy(r.sink, resp.Body)
		return nil, resp.Header, err
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, nil, fmt.Errorf("%s %s answered %d: %.300s", r.method, r.path, resp.StatusCode, b)
	}
	return b, resp.Header, nil
}

// json calls an operation of a service that takes awsJson; target is the value of X-Amz-Target.
func (c *client) json(service, version, target string, in, out any) error {
	body, ok := in.([]byte)
	if !ok {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	b, _, err := c.do(call{service: service, method: "POST", path: "/", body: body, header: map[string]string{
		"Content-Type": "application/x-amz-json-" + version, "X-Amz-Target": target,
	}})
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("read answer of %s: %w", target, err)
	}
	return nil
}

// form calls an operation of a service that takes the query protocol and returns its XML.
func (c *client) form(service string, v url.Values) ([]byte, error) {
	b, _, err := c.do(call{service: service, method: "POST", path: "/", body: []byte(v.Encode()), header: map[string]string{
		"Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
	}})
	return b, err
}

// element returns the text of the first XML element of that name, "" without one.
func element(b []byte, name string) string {
	_, rest, _ := strings.Cut(string(b), "<"+name+">")
	text, _, ok := strings.Cut(rest, "</"+name+">")
	if !ok {
		return ""
	}
	return text
}
