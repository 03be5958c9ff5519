package iamapi

import (
	"encoding/base64"
	"sort"
)

const defaultItems = 100

// page cuts the part of a sorted list that a request asks for. The marker is the key of the first item of the next page,
// so that pages stay right while the list changes.
func page[T any](list []T, marker *string, max *int32, key func(T) string) (part []T, next *string, truncated *bool) {
	if marker != nil {
		if b, err := base64.RawURLEncoding.DecodeString(*marker); err == nil {
			from := string(b)
			list = list[sort.Search(len(list), func(i int) bool { return key(list[i]) >= from }):]
		}
	}
	n := defaultItems
	if max != nil {
		n = int(*max)
	}
	if len(list) <= n {
		return list, nil, new(bool)
	}
	m := base64.RawURLEncoding.EncodeToString([]byte(key(list[n])))
	more := true
	return list[:n], &m, &more
}

func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, 0, len(list))
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

func itself(s string) string { return s }
