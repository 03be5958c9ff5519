package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tarn-data/tarn/internal/aws/sigv4"
)

// A peer is a server of the same protocols that Go can install. Both answer before anything is on the disk.
type peer struct {
	name, module, binary string
	services             string // the first parts of the names of its workloads
	health               string
	command              func(bin, dir, addr string) ([]string, error)
}

var peerKeys = sigv4.Credential{AccessKeyID: "bench", Secret: "benchmarks"}

var peers = []peer{
	{
		name: "versitygw", module: "github.com/versity/versitygw/cmd/versitygw@v1.8.0", binary: "versitygw", services: "s3", health: "/health",
		command: func(bin, dir, addr string) ([]string, error) {
			data := filepath.Join(dir, "versitygw")
			return []string{bin, "--access", peerKeys.AccessKeyID, "--secret", peerKeys.Secret, "--port", addr, "--health", "/health", "posix", data}, os.MkdirAll(data, 0o700)
		},
	},
	{
		name: "goaws", module: "github.com/Admiral-Piett/goaws/app/cmd@v0.5.4", binary: "cmd", services: "sqs sns", health: "/health",
		command: func(bin, dir, addr string) ([]string, error) {
			config := filepath.Join(dir, "goaws.yaml")
			_, port, _ := cutLast(addr, ':')
			text := fmt.Sprintf("Local:\n  Host: 127.0.0.1\n  Port: %s\n  Region: us-east-1\n  AccountId: \"000000000000\"\n  LogToFile: false\n", port)
			return []string{bin, "-config", config, "-loglevel", "error", "Local"}, os.WriteFile(config, []byte(text), 0o600)
		},
	},
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// install builds the peer into dir unless it is there.
func (p peer) install(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, p.binary)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	c := exec.CommandContext(ctx, "go", "install", p.module)
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s: %w: %.300s", p.module, err, out)
	}
	return bin, nil
}
