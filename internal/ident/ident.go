// Package ident names things: accounts, regions, ARNs and the random ids that AWS formats in several ways.
package ident

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// DefaultAccount and DefaultRegion are where a fresh installation puts its resources.
const (
	DefaultAccount = "000000000000"
	DefaultRegion  = "us-east-1"
)

// Scope is the account and region that separate one user's resources from another's. Global services (S3 bucket
// names, IAM) leave Region empty where AWS has none.
type Scope struct {
	Account string // twelve digits
	Region  string // "us-east-1"
}

// ARN returns arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE. Resource is written as it is, with its own prefix and slashes.
func (s Scope) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// String returns "account/region".
func (s Scope) String() string { return s.Account + "/" + s.Region }

// ARN is a parsed Amazon Resource Name.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// ParseARN splits s at its first five colons. The error names the value. There is one partition, aws: a resource has one name, by
// which policies allow and deny it.
func ParseARN(s string) (ARN, error) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN: want arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", s)
	}
	if p[1] != "aws" {
		return ARN{}, fmt.Errorf("%q is in the partition %s: all that Tarn has is in aws", s, p[1])
	}
	return ARN{Partition: p[1], Service: p[2], Region: p[3], Account: p[4], Resource: p[5]}, nil
}

// String returns the ARN in its usual form.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Scope returns the account and region of a.
func (a ARN) Scope() Scope { return Scope{Account: a.Account, Region: a.Region} }

// UUID returns a random (version 4) UUID in its 36-character form.
func UUID() string {
	var b [16]byte
	read(b[:])
	return uuid(b)
}

// UUIDOf returns a UUID that is always the same for the same text, and differs for another.
func UUIDOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return uuid([16]byte(sum[:16]))
}

func uuid(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	out[8] = '-'
	hex.Encode(out[9:13], b[4:6])
	out[13] = '-'
	hex.Encode(out[14:18], b[6:8])
	out[18] = '-'
	hex.Encode(out[19:23], b[8:10])
	out[23] = '-'
	hex.Encode(out[24:36], b[10:16])
	return string(out[:])
}

// Hex returns n random bytes as 2n lower-case hexadecimal digits.
func Hex(n int) string {
	b := make([]byte, n)
	read(b)
	return hex.EncodeToString(b)
}

// Upper returns n random characters of A-Z and 2-7, the alphabet of access keys and S3's request ids.
func Upper(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, n)
	read(b)
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b)
}

func read(b []byte) {
	if _, err := rand.Read(b); err != nil {
		panic("BUG: the system's random source failed: " + err.Error())
	}
}
