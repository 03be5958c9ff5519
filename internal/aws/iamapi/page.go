package iamapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"sort"

	"github.com/tarn-data/tarn/internal/aws/protocol"
)

const defaultItems = 100

// page cuts the part of a sorted list that a request asks for. The marker is the key of the first item of the next page,
// so that pages stay right while the list changes. checkMarker refuses
// one that is none of these.
func page[T any](list []T, marker *string, max *int32, key func(T) string) (part []T, next *string, truncated *bool) {
	if marker != nil {
		b, err := base64.RawURLEncoding.DecodeString(*marker)
		if err != nil {
			return list[:0], nil, new(bool)
		}
		from := string(b)
		list = list[sort.Search(len(list), func(i int) bool { return key(list[i]) >= from }):]
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

// checkMarker implements protocol.Service.Parameters.
func checkMarker(_ *http.Request, form url.Values) *protocol.Error {
	if _, err := base64.RawURLEncoding.DecodeString(form.Get("Marker")); err != nil {
		return &protocol.Error{Code: "ValidationError", Status: http.StatusBadRequest, Message: "Invalid Marker."}
	}
	return nil
}

func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, 0, len(list))
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

func itself(s string) string { return s }
