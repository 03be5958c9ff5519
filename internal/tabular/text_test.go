package tabular

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
)

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                    "plain",
		"caf\xe9,1":                "caf�,1",
		"h\xc3\xa9":                "hé",
		"\xe2\x82":                 "�", // cut at the end: one
		"\xe2\x82x":                "�x",
		"\xf0\x9f\x98\x80\xf0\x9f": "😀�",
		"\xed\xa0\x80":             "���", // a surrogate: its bytes begin nothing
		"\xc0\xaf":                 "��",
		"\xf4\x90\x80\x80":         "����",
		"\xff\xfea\x00":            "��a\x00",
	} {
		var out bytes.Buffer
		// One byte at a time: characters are cut everywhere.
		if err := CleanText(&out, iotest.OneByteReader(strings.NewReader(in))); err != nil || out.String() != want {
			t.Errorf("%q: %q %v, want %q", in, out.String(), err, want)
		}
		valid, err := ValidText(iotest.OneByteReader(strings.NewReader(in)))
		if err != nil || valid != utf8.ValidString(in) {
			t.Errorf("%q: valid %v %v", in, valid, err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("caf\xe9 \xe2\x82\xac \xf0\x9f\x98"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := CleanText(&out, iotest.HalfReader(bytes.NewReader(in))); err != nil || !utf8.Valid(out.Bytes()) {
			t.Fatalf("%q: %q %v", in, out.Bytes(), err)
		}
		valid, _ := ValidText(iotest.HalfReader(bytes.NewReader(in)))
		if valid != utf8.Valid(in) || valid && !bytes.Equal(out.Bytes(), in) {
			t.Fatalf("%q: valid %v, %q", in, valid, out.Bytes())
		}
	})
}

func TestDecompress_Damage(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := io.WriteString(w, strings.Repeat("1,ann\n", 10_000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good := z.Bytes()
	flipped := bytes.Clone(good)
	flipped[len(flipped)-6] ^= 1
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"whole": {good, ""}, "two members": {append(bytes.Clone(good), good...), ""}, "cut": {good[:len(good)/2], "Unexpected end of input stream"},
		"without its end": {good[:len(good)-4], "Unexpected end of input stream"}, "plain": {[]byte("id,name\n1,ann\n"), "incorrect header check"},
		"another sum": {flipped, "incorrect data check"}, "nothing": {nil, "Unexpected end of input stream"},
	} {
		r, err := Decompress(bytes.NewReader(c.data), "gzip")
		if err == nil {
			_, err = ValidText(r)
		}
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrCompressed) || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
