package queue

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/kv/key"
)

// stored is what is kept of a message under its "m" key. The form is in docs/formats/queue.md.
type stored struct {
	id     [16]byte
	sent   int64 // ms; of the first queue, when it came as a dead letter of a standard queue
	md5    [16]byte
	base   uint32 // receives in the queue that gave it up
	sender string
	group  string
	dedup  string
	trace  string
	deadOf string
	attrs  []Attribute
	body   string
}

const storedVersion = 1

var errRecord = errors.New("malformed message record")

func (m *stored) encode() []byte {
	n := 96 + len(m.sender) + len(m.group) + len(m.dedup) + len(m.trace) + len(m.deadOf) + len(m.body)
	for _, a := range m.attrs {
		n += 12 + len(a.Name) + len(a.Type) + len(a.Value)
	}
	b := append(make([]byte, 0, n), storedVersion)
	b = append(b, m.id[:]...)
	b = append(b, m.md5[:]...)
	b = binary.AppendUvarint(b, uint64(m.sent))
	b = binary.AppendUvarint(b, uint64(m.base))
	for _, s := range [...]string{m.sender, m.group, m.dedup, m.trace, m.deadOf} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(m.attrs)))
	for _, a := range m.attrs {
		b = appendText(appendText(appendText(b, a.Name), a.Type), string(a.Value))
	}
	return append(b, m.body...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cut reads from the front of a record; bad is set once the record is too short.
type cut struct {
	b   []byte
	bad bool
}

func (c *cut) uint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cut) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cut) text() string { return string(c.bytes(c.uint())) }

func decodeStored(b []byte) (*stored, error) {
	if len(b) < 33 || b[0] != storedVersion {
		return nil, errRecord
	}
	m := &stored{id: [16]byte(b[1:17]), md5: [16]byte(b[17:33])}
	c := cut{b: b[33:]}
	m.sent, m.base = int64(c.uint()), uint32(c.uint())
	m.sender, m.group, m.dedup, m.trace, m.deadOf = c.text(), c.text(), c.text(), c.text(), c.text()
	n := c.uint()
	if n > MaxAttributes {
		return nil, errRecord
	}
	for range n {
		m.attrs = append(m.attrs, Attribute{Name: c.text(), Type: c.text(), Value: c.bytes(c.uint())})
	}
	if c.bad {
		return nil, errRecord
	}
	m.body = string(c.b)
	return m, nil
}

// appendState writes the "i" record of an item.
func appendState(b []byte, it *item) []byte {
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(it.sent))
	b = binary.AppendUvarint(b, uint64(it.count))
	b = binary.AppendUvarint(b, uint64(it.at))
	if it.count > 0 {
		b = binary.AppendUvarint(b, uint64(it.received))
		b = binary.AppendUvarint(b, uint64(it.first))
	}
	if it.group != nil {
		b = append(b, it.group.name...)
	}
	return b
}

// decodeState reads an "i" record; the group's name is what is left.
func decodeState(b []byte, it *item) (group []byte, err error) {
	if len(b) < 4 || b[0] != 1 {
		return nil, errRecord
	}
	c := cut{b: b[1:]}
	it.sent, it.count, it.at = int64(c.uint()), uint32(c.uint()), int64(c.uint())
	if it.count > 0 {
		it.received, it.first = int64(c.uint()), int64(c.uint())
	}
	if c.bad {
		return nil, errRecord
	}
	return c.b, nil
}

func definitionKey(r Ref) key.Key {
	return key.In(key.Queue).Str("q").Str(r.Account).Str(r.Region).Str(r.Name)
}

func messagePrefix(id uint64) key.Key { return key.In(key.Queue).Str("m").Uint(id) }

func messageKey(id, seq uint64) key.Key { return messagePrefix(id).Uint(seq) }

func statePrefix(id uint64) key.Key { return key.In(key.Queue).Str("i").Uint(id) }

func stateKey(id, seq uint64) key.Key { return statePrefix(id).Uint(seq) }

func numberKey(id uint64) key.Key { return key.In(key.Queue).Str("n").Uint(id) }

func dedupPrefix(id uint64) key.Key { return key.In(key.Queue).Str("d").Uint(id) }

// MD5OfAttributes is the digest by which SQS's clients check attributes, as lower-case hexadecimal digits.
//
// Source: "Calculating the MD5 message digest for message attributes" in the Amazon SQS developer guide.
func MD5OfAttributes(attrs []Attribute) string {
	if len(attrs) == 0 {
		return ""
	}
	attrs = slices.Clone(attrs)
	slices.SortFunc(attrs, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	h := md5.New()
	part := func(s []byte) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write(s)
	}
	for _, a := range attrs {
		part([]byte(a.Name))
		part([]byte(a.Type))
		transport := byte(1)
		if strings.HasPrefix(a.Type, "Binary") {
			transport = 2
		}
		h.Write([]byte{transport})
		part(a.Value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func formatID(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// sequenceOf reads the last element of a message's key.
func sequenceOf(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }
