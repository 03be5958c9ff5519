package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

const (
	bucket   = "bench"
	getKeys  = 1000
	listKeys = 10000
	copies   = 2000
)

// body is n bytes that no compression shortens, the same for every run.
func body(n int, seed byte) []byte {
	b := make([]byte, n)
	if _, err := rand.NewChaCha8([32]byte{seed}).Read(b); err != nil {
		panic("BUG: ChaCha8 never fails: " + err.Error())
	}
	return b
}

// put writes an object and checks the ETag against sum.
func (c *client) put(key string, b []byte, sum string) error {
	_, h, err := c.do(call{service: "s3", method: "PUT", path: "/" + bucket + "/" + key, body: b})
	if err != nil {
		return err
	}
	if got := strings.Trim(h.Get("ETag"), `"`); got != sum {
		return fmt.Errorf("put %s: ETag %s, want %s", key, got, sum)
	}
	return nil
}

func md5Of(b []byte) string {
	s := md5.Sum(b)
	return hex.EncodeToString(s[:])
}

// fill writes n objects with the contents of b under prefix, the key being prefix and a number of five digits.
func (s *server) fill(prefix string, n int64, b []byte) error {
	sum := md5Of(b)
	_, err := load{workers: 16, calls: n, op: func(_ int, i int64) (int, error) {
		return 1, s.put(fmt.Sprintf("%s%05d", prefix, i), b, sum)
	}}.run(s.cpu)
	return err
}

func makeBucket(s *server) error {
	_, _, err := s.do(call{service: "s3", method: "PUT", path: "/" + bucket})
	return err
}

func s3Put(size, workers int) func(*server, int, time.Duration) (sample, error) {
	return func(s *server, rep int, d time.Duration) (sample, error) {
		b := body(size, 1)
		sum := md5Of(b)
		return load{workers: workers, time: d, op: func(_ int, i int64) (int, error) {
			return 1, s.put(fmt.Sprintf("put-%d/%d/%d", size, rep, i), b, sum)
		}}.run(s.cpu)
	}
}

func s3Get(s *server, rep int, d time.Duration) (sample, error) {
	b := body(4<<10, 2)
	if rep == 0 {
		if err := s.fill("get/", getKeys, b); err != nil {
			return sample{}, err
		}
	}
	return load{workers: 16, time: d, op: func(int, int64) (int, error) {
		got, _, err := s.do(call{service: "s3", method: "GET", path: fmt.Sprintf("/%s/get/%05d", bucket, rand.IntN(getKeys))})
		if err == nil && !bytes.Equal(got, b) {
			err = fmt.Errorf("wrong body of %d bytes", len(got))
		}
		return 1, err
	}}.run(s.cpu)
}

var big = sync.OnceValues(func() ([]byte, uint32) {
	b := body(64<<20, 3)
	return b, crc32.ChecksumIEEE(b)
})

func s3GetBig(s *server, rep int, d time.Duration) (sample, error) {
	b, want := big()
	if rep == 0 {
		if err := s.put("big", b, md5Of(b)); err != nil {
			return sample{}, err
		}
	}
	return load{workers: 1, time: d, op: func(int, int64) (int, error) {
		sum := crc32.NewIEEE()
		_, _, err := s.do(call{service: "s3", method: "GET", path: "/" + bucket + "/big", sink: sum})
		if err == nil && sum.Sum32() != want {
			err = fmt.Errorf("wrong body")
		}
		return 1, err
	}}.run(s.cpu)
}

func s3List(s *server, rep int, d time.Duration) (sample, error) {
	if rep == 0 {
		if err := s.fill("list/", listKeys, []byte("x")); err != nil {
			return sample{}, err
		}
	}
	return load{workers: 1, time: d, op: func(int, int64) (int, error) {
		n, token := 0, ""
		for {
			q := "list-type=2&prefix=list%2F"
			if token != "" {
				q = "continuation-token=" + escape(token) + "&" + q
			}
			b, _, err := s.do(call{service: "s3", method: "GET", path: "/" + bucket, query: q})
			if err != nil {
				return 0, err
			}
			n += bytes.Count(b, []byte("<Key>"))
			if token = element(b, "NextContinuationToken"); token == "" {
				break
			}
		}
		if n != listKeys {
			return 0, fmt.Errorf("listed %d keys of %d", n, listKeys)
		}
		return n, nil
	}}.run(s.cpu)
}

// escape makes a token safe in a query: everything but letters and digits is escaped.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func s3Copy(s *server, rep int, _ time.Duration) (sample, error) {
	if rep == 0 {
		if err := s.fill("from/", copies, body(1<<10, 4)); err != nil {
			return sample{}, err
		}
	}
	return load{workers: 16, calls: copies, op: func(_ int, i int64) (int, error) {
		b, _, err := s.do(call{service: "s3", method: "PUT", path: fmt.Sprintf("/%s/to-%d/%05d", bucket, rep, i), header: map[string]string{
			"X-Amz-Copy-Source": fmt.Sprintf("/%s/from/%05d", bucket, i),
		}})
		if err == nil && !bytes.Contains(b, []byte("ETag")) {
			err = fmt.Errorf("copy answered %.100s", b)
		}
		return 1, err
	}}.run(s.cpu)
}
