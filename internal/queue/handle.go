package queue

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A receipt handle names a message and the receive that gave it: sequence number and count, signed with the queue's secret,
// so that forged and foreign handles are told from old ones.
const handleBytes = 8 + 4 + 16

func (s *shard) handle(seq uint64, count uint32) string {
	var b [handleBytes]byte
	binary.BigEndian.PutUint64(b[:], seq)
	binary.BigEndian.PutUint32(b[8:], count)
	copy(b[12:], s.sign(b[:12]))
	return "AQEB" + base64.StdEncoding.EncodeToString(b[:])
}

func (s *shard) sign(b []byte) []byte {
	h := hmac.New(sha256.New, s.secret)
	h.Write(b)
	return h.Sum(nil)[:16]
}

func (s *shard) parseHandle(h string) (seq uint64, count uint32, ok bool) {
	if len(h) < 4 || h[:4] != "AQEB" {
		return 0, 0, false
	}
	b, err := base64.StdEncoding.DecodeString(h[4:])
	if err != nil || len(b) != handleBytes || !hmac.Equal(b[12:], s.sign(b[:12])) {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), true
}
