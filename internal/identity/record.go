package identity

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/kv/key"
)

// Kind is a kind of entity that policies are attached to.
type Kind string

// The kinds.
const (
	User  Kind = "user"
	Group Kind = "group"
	Role  Kind = "role"
)

// Entity is a user, a group or a role.
type Entity struct {
	Account string
	Kind    Kind
	Name    string
	Path    string // "/" or "/a/b/"
	ID      string // AIDA…, AGPA…, AROA…
	Created time.Time
	Tags    map[string]string `json:",omitempty"`

	Inline   map[string]string `json:",omitempty"` // policy name → document
	Attached []string          `json:",omitempty"` // ARNs of managed policies, in the order of attaching
	Boundary string            `json:",omitempty"` // ARN of a managed policy

	Groups []string `json:",omitempty"` // of a user, by name

	Trust       string        `json:",omitempty"` // of a role: who may assume it
	Description string        `json:",omitempty"`
	MaxSession  time.Duration `json:",omitempty"`
}

// ARN returns the entity's name.
func (e *Entity) ARN() string {
	return "arn:aws:iam::" + e.Account + ":" + string(e.Kind) + e.Path + e.Name
}

func (e *Entity) clone() *Entity {
	c := *e
	c.Tags, c.Inline = maps.Clone(e.Tags), maps.Clone(e.Inline)
	c.Attached, c.Groups = slices.Clone(e.Attached), slices.Clone(e.Groups)
	return &c
}

// Policy is a managed policy.
type Policy struct {
	Account     string // "aws" for AWS's own
	Name        string
	Path        string
	ID          string // ANPA…
	Description string `json:",omitempty"`
	Created     time.Time
	Updated     time.Time
	Tags        map[string]string `json:",omitempty"`
	Default     string            // "v1"
	Versions    []Version         // oldest first
	Next        int               // number of the next version
}

// Version is a version of a managed policy.
type Version struct {
	ID       string
	Document string
	Created  time.Time
}

// ARN returns the policy's name.
func (p *Policy) ARN() string { return "arn:aws:iam::" + p.Account + ":policy" + p.Path + p.Name }

// Version returns a version, "" = the default one, or nil.
func (p *Policy) Version(id string) *Version {
	if id == "" {
		id = p.Default
	}
	for i := range p.Versions {
		if p.Versions[i].ID == id {
			return &p.Versions[i]
		}
	}
	return nil
}

func (p *Policy) clone() *Policy {
	c := *p
	c.Tags, c.Versions = maps.Clone(p.Tags), slices.Clone(p.Versions)
	return &c
}

// AccessKey is a long-lived key of a user or of an account's root.
type AccessKey struct {
	ID       string // AKIA…
	Secret   string
	Account  string
	User     string // "" = root
	Inactive bool
	Created  time.Time
}

// Account is an account of the installation.
type Account struct {
	ID      string
	Alias   string `json:",omitempty"`
	Created time.Time
}

func accountKey(id string) key.Key   { return key.In(key.Identity).Str("account").Str(id) }
func accessKeyKey(id string) key.Key { return key.In(key.Identity).Str("key").Str(id) }
func sealKey() key.Key               { return key.In(key.Identity).Str("seal") }
func policyKey(account, name string) key.Key {
	return key.In(key.Identity).Str("policy").Str(account).Str(strings.ToLower(name))
}

func entityKey(account string, k Kind, name string) key.Key {
	return key.In(key.Identity).Str("entity").Str(account).Str(string(k)).Str(strings.ToLower(name))
}
