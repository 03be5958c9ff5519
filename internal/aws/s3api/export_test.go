package s3api

// ParseForFuzz runs the parsers of what clients put into headers and parameters, and checks what they promise.
func ParseForFuzz(tok, rng, src string) {
	if s, err := readToken(tok); err == nil && tok != "" {
		if again, err := readToken(token(s)); err != nil || again != s {
			panic("token does not survive")
		}
	}
	for _, size := range []int64{0, 1, 100, 1<<63 - 1} {
		if off, n, ok := parseRange(rng, size); ok && (off < 0 || n < 0 || n > 0 && off > size-n) {
			panic("range outside of the body")
		}
	}
	if s, err := parseSource(src); err == nil && (s.bucket == "" || s.key == "") {
		panic("source without bucket or key")
	}
	_, _ = parseTagging(src)
}
