package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Files in the data directory that other processes of the same user read.
const (
	rootKeyFile  = "root-key.json"
	endpointFile = "endpoint"
)

// RootKey is the access key of the account's root, as it stands in the data directory for the command line.
type RootKey struct {
	AccessKeyID     string
	SecretAccessKey string
	Account         string
	Region          string
}

// writeRootKey leaves the root's key where tarn env finds it, readable by the owner only.
func (a *App) writeRootKey() error {
	k, err := a.Identity.RootKey(a.cfg.Account)
	if err != nil {
		return fmt.Errorf("find the root key: %w", err)
	}
	data, err := json.MarshalIndent(RootKey{AccessKeyID: k.ID, SecretAccessKey: k.Secret, Account: a.cfg.Account, Region: a.cfg.Region}, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(a.cfg.Data, rootKeyFile), append(data, '\n'))
}

// ReadRootKey returns the root's key of a data directory. The server need not run.
func ReadRootKey(data string) (RootKey, error) {
	var k RootKey
	text, err := os.ReadFile(filepath.Join(data, rootKeyFile))
	if err != nil {
		if os.IsNotExist(err) {
			return k, fmt.Errorf("%s holds no Tarn data yet: start it once with tarn serve --data %s", data, data)
		}
		return k, err
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fmt.Errorf("read %s: %w", filepath.Join(data, rootKeyFile), err)
	}
	return k, nil
}

func (a *App) writeEndpoint() error {
	return replaceFile(filepath.Join(a.cfg.Data, endpointFile), []byte(a.endpoint+"\n"))
}

func (a *App) removeEndpoint() {
	// The file is a hint for the command line: what is left behind is overwritten at the next start.
	_ = os.Remove(filepath.Join(a.cfg.Data, endpointFile))
}

// ReadEndpoint returns where the server of a data directory listens; ok is false when none has said so.
func ReadEndpoint(data string) (endpoint string, ok bool) {
	text, err := os.ReadFile(filepath.Join(data, endpointFile))
	if err != nil || len(text) < 2 {
		return "", false
	}
	return string(text[:len(text)-1]), true
}

// replaceFile writes a file so that a reader sees the old or the new one, and only its owner may read it.
func replaceFile(path string, data []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
