package objstore

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"

	"github.com/tarn-data/tarn/internal/kv/key"
)

func bucketKey(bucket string) key.Key { return key.In(key.Bucket).Str(bucket) }

// currentPrefix is the prefix of the current rows of a bucket, in the order of a list.
func currentPrefix(bucket string) key.Key { return key.In(key.Object).Str("c").Str(bucket) }

func currentKey(bucket, name string) key.Key { return currentPrefix(bucket).Str(name) }

// olderPrefix is the prefix of the older versions of a key, newest first.
func olderPrefix(bucket, name string) key.Key {
	return key.In(key.Object).Str("v").Str(bucket).Str(name)
}

func olderKey(bucket, name string, seq uint64) key.Key { return olderPrefix(bucket, name).Uint(^seq) }

// bodyKey holds a small body.
func bodyKey(bucket, name string, seq uint64) key.Key {
	return key.In(key.Object).Str("b").Str(bucket).Str(name).Uint(seq)
}

// owner names a version as the owner of its blobs.
func owner(bucket, name string, seq uint64) key.Key {
	return key.In(key.Object).Str("o").Str(bucket).Str(name).Uint(seq)
}

func uploadPrefix(bucket string) key.Key { return key.In(key.Multipart).Str("u").Str(bucket) }

func uploadKey(bucket, name, id string) key.Key { return uploadPrefix(bucket).Str(name).Str(id) }

func partPrefix(id string) key.Key { return key.In(key.Multipart).Str("p").Str(id) }

// partKey is also the owner of the part's blobs.
func partKey(id string, number int) key.Key { return partPrefix(id).Uint(uint64(number)) }

// completedPrefix is of uploads that were completed; they are forgotten after a day.
func completedPrefix() key.Key { return key.In(key.Multipart).Str("d") }

// NullVersion is the id of versions that were written while the bucket had no versioning.
const NullVersion = "null"

var versionEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// versionRandom is the random part of a version's id.
type versionRandom [12]byte

func newVersionRandom() (r versionRandom) {
	if _, err := rand.Read(r[:]); err != nil {
		panic("BUG: the system's random source failed: " + err.Error())
	}
	return r
}

// versionID is 32 characters: the sequence number and random bytes, so that the row is found without an index and ids
// are not guessed.
func versionID(seq uint64, r versionRandom) string {
	var b [20]byte
	binary.BigEndian.PutUint64(b[:8], seq)
	copy(b[8:], r[:])
	return versionEncoding.EncodeToString(b[:])
}

func parseVersionID(id string) (seq uint64, r versionRandom, err error) {
	b, err := versionEncoding.DecodeString(id)
	if err != nil || len(b) != 20 {
		return 0, r, detail(fmt.Errorf("%w: %q", ErrInvalidVersion, id), "ArgumentName", "versionId", "ArgumentValue", id)
	}
	copy(r[:], b[8:])
	return binary.BigEndian.Uint64(b), r, nil
}
