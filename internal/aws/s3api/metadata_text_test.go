package s3api

import "testing"

// The encoded words are those that S3 was recorded to send.
func TestMetadataText(t *testing.T) {
	for _, c := range []struct{ plain, wire string }{
		{"plain text, 100% ASCII_", "plain text, 100% ASCII_"},
		{"ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="},
		{"test_—_file%E2%80%94_é_2👑.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?="},
		{"\x00\x01\x02\x03\x04", "=?UTF-8?B?AAECAwQ=?="},
		{"\ufffda\ufffd", "=?UTF-8?B?77+9Ye+/vQ==?="},
		{"", ""},
	} {
		if got := encodeMetadata(c.plain); got != c.wire {
			t.Errorf("encode %q = %q, want %q", c.plain, got, c.wire)
		}
		if got := decodeMetadata(c.wire); got != c.plain {
			t.Errorf("decode %q = %q, want %q", c.wire, got, c.plain)
		}
	}
	for wire, plain := range map[string]string{
		"=?UTF-8?B?YWJj?=": "abc", "=?UTF-8?Q?actually-ascii?=": "actually-ascii", "=?": "=?", "a =?x?= b": "a =?x?= b",
	} {
		if got := decodeMetadata(wire); got != plain {
			t.Errorf("decode %q = %q, want %q", wire, got, plain)
		}
	}
}

func FuzzMetadataText(f *testing.F) {
	f.Add("=?UTF-8?B?YWJj?=")
	f.Fuzz(func(t *testing.T, s string) {
		wire := encodeMetadata(s)
		for i := range len(wire) {
			if c := wire[i]; c != '\t' && (c < ' ' || c > '~') {
				t.Fatalf("encode %q = %q", s, wire)
			}
		}
		decodeMetadata(s)
	})
}
