package s3api

import (
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"
)

// decodeMetadata reads a value of user metadata as it comes in a header: text that ASCII cannot hold may be in the encoded
// words of RFC 2047.
func decodeMetadata(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	out, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return out
}

// encodeMetadata writes a value of user metadata for a header: as it is if it is printable ASCII, else as an encoded word, by
// quoted bytes where most characters are ASCII and in base64 where they are not, which is S3's choice too.
func encodeMetadata(s string) string {
	other := 0
	for _, r := range s {
		if r >= 0x7f || r < ' ' && r != '\t' {
			other++
		}
	}
	switch {
	case other == 0:
		return s
	case 2*other >= utf8.RuneCountInString(s):
		return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	}
	var b strings.Builder
	b.WriteString("=?UTF-8?Q?")
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('_')
		case c < '!' || c > '~' || c == '=' || c == '?' || c == '_':
			fmt.Fprintf(&b, "=%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString("?=")
	return b.String()
}
