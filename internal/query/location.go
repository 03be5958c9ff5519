package query

import (
	"fmt"
	"strings"
)

// splitLocation cuts s3://bucket/prefix.
func splitLocation(location string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(location, "s3://")
	if !ok {
		if rest, ok = strings.CutPrefix(location, "s3a://"); !ok {
			rest, ok = strings.CutPrefix(location, "s3n://")
		}
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", fmt.Errorf("%w: outputLocation is not a valid S3 path: %s", ErrInvalid, location)
	}
	return bucket, prefix, nil
}

// folder is splitLocation with a prefix that ends in a slash or is empty.
func folder(location string) (bucket, prefix string, err error) {
	bucket, prefix, err = splitLocation(location)
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, err
}
