package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/tarn-data/tarn/internal/app"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// client asks the server of a data directory, as the account's root.
type client struct {
	endpoint string
	admin    string
	key      app.RootKey
}

// connect returns a client for the server that runs for d, or errNotRunning.
func (d dataFlag) connect() (*client, error) {
	key, err := app.ReadRootKey(d.Data)
	if err != nil {
		return nil, err
	}
	endpoint, ok := app.ReadEndpoint(d.Data)
	if !ok {
		return nil, fmt.Errorf("%w: start it with tarn serve --data %s", errNotRunning, d.Data)
	}
	admin, err := app.ReadAdminToken(d.Data)
	if err != nil {
		return nil, err
	}
	return &client{endpoint: endpoint, admin: admin, key: key}, nil
}

// call carries out an operation of a service that speaks awsJson 1.1: target is "Logs_20140328.FilterLogEvents".
func (c *client) call(ctx context.Context, service, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	sum := sha256.Sum256(body)
	sigv4.Sign(r, sigv4.Credential{AccessKeyID: c.key.AccessKeyID, Secret: c.key.SecretAccessKey}, c.key.Region, service, time.Now(), hex.EncodeToString(sum[:]))
	return c.do(r, out)
}

// get asks for something of Tarn's own, such as /_tarn/cost.
func (c *client) get(ctx context.Context, method, path string, query url.Values, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.admin)
	return c.do(r, out)
}

// direct reaches the server of this machine: a proxy of the environment is for other hosts, whatever address the server listens on.
var direct = &http.Client{Transport: &http.Transport{}}

func (c *client) do(r *http.Request, out any) error {
	resp, err := direct.Do(r)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %s does not answer", errNotRunning, c.endpoint)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return answerError(resp.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// serviceError is the answer of a service that refuses.
type serviceError struct{ code, message string }

func (e *serviceError) Error() string { return e.code + ": " + e.message }

func answerError(status int, data []byte) error {
	var doc struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Big     string `json:"Message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(data, &doc) != nil {
		return fmt.Errorf("the server answered %d: %s", status, strings.TrimSpace(string(data)))
	}
	if doc.Error != "" {
		return errors.New(doc.Error)
	}
	if doc.Message == "" {
		doc.Message = doc.Big
	}
	return &serviceError{doc.Type[strings.LastIndexByte(doc.Type, '#')+1:], doc.Message}
}
