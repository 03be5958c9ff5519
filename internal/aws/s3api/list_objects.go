package s3api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) listOps() []protocol.Op {
	return []protocol.Op{
		protocol.If(onBucket(a, "ListObjectsV2", "s3:ListBucket", func(in *ListObjectsV2Request) string { return in.Bucket }, a.listObjectsV2),
			func(_ *protocol.Call, in *ListObjectsV2Request) map[string][]string {
				return listKeys(in.Prefix, in.Delimiter, in.MaxKeys)
			}),
		protocol.If(onBucket(a, "ListObjects", "s3:ListBucket", func(in *ListObjectsRequest) string { return in.Bucket }, a.listObjects),
			func(_ *protocol.Call, in *ListObjectsRequest) map[string][]string {
				return listKeys(in.Prefix, in.Delimiter, in.MaxKeys)
			}),
		protocol.If(onBucket(a, "ListObjectVersions", "s3:ListBucketVersions", func(in *ListObjectVersionsRequest) string { return in.Bucket }, a.listObjectVersions),
			func(_ *protocol.Call, in *ListObjectVersionsRequest) map[string][]string {
				return listKeys(in.Prefix, in.Delimiter, in.MaxKeys)
			}),
	}
}

// listKeys are the condition keys of lists.
func listKeys(prefix, delimiter *string, max *int32) map[string][]string {
	k := map[string][]string{"s3:prefix": {str(prefix)}}
	if delimiter != nil {
		k["s3:delimiter"] = []string{*delimiter}
	}
	if max != nil {
		k["s3:max-keys"] = []string{strconv.Itoa(int(*max))}
	}
	return k
}

const maxKeys = 1000

// pageSize reads max-keys and its like: 1000 if it is missing or larger.
func pageSize(n *int32, name string) (int, error) {
	switch {
	case n == nil:
		return maxKeys, nil
	case *n < 0:
		return 0, argument(name, strconv.Itoa(int(*n)), "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return min(int(*n), maxKeys), nil
}

// encoder returns how keys are written: as they are, or percent-encoded because XML cannot hold every character.
func encoder(t *EncodingType) (func(string) *string, error) {
	switch str(t) {
	case "":
		return func(s string) *string { return &s }, nil
	case "url":
		return func(s string) *string {
			s = escapeKey(s)
			return &s
		}, nil
	}
	return nil, badArgument("encoding-type", str(t))
}

func escapeKey(s string) string {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/-_.~", c) >= 0 {
			continue
		}
		return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/")
	}
	return s
}

// token makes a place in a list opaque; readToken reads it back.
func token(s string) string { return base64.URLEncoding.EncodeToString([]byte("1" + s)) }

func badToken() error {
	e := invalid("The continuation token provided is incorrect")
	e.Members = map[string]any{"ArgumentName": "continuation-token"}
	return e
}

func readToken(t string) (string, error) {
	if t == "" {
		return "", nil
	}
	b, err := base64.URLEncoding.DecodeString(t)
	if err != nil || len(b) == 0 || b[0] != '1' {
		return "", badToken()
	}
	return string(b[1:]), nil
}

// CanonicalID returns the id under which S3 shows an account.
func CanonicalID(account string) string {
	if account == anonymous {
		return anonymousID
	}
	sum := sha256.Sum256([]byte("tarn account " + account))
	return hex.EncodeToString(sum[:])
}

func (a *api) listObjectsV2(ctx context.Context, c *call, in *ListObjectsV2Request) (*ListObjectsV2Output, error) {
	limit, err := pageSize(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	if in.ContinuationToken != nil && *in.ContinuationToken == "" {
		return nil, badToken()
	}
	after, err := readToken(str(in.ContinuationToken))
	if err != nil {
		return nil, err
	}
	if in.ContinuationToken == nil {
		after = str(in.StartAfter)
	}
	l, err := a.store.List(ctx, &objstore.ListRequest{Bucket: in.Bucket, Prefix: str(in.Prefix), Delimiter: str(in.Delimiter), After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	c.Header.Set("X-Amz-Bucket-Region", c.bk.Region)
	out := &ListObjectsV2Output{
		Name: &in.Bucket, Prefix: enc(str(in.Prefix)), MaxKeys: ptr(int32(limit)), IsTruncated: &l.More,
		KeyCount: ptr(int32(len(l.Objects) + len(l.Prefixes))), EncodingType: in.EncodingType, ContinuationToken: in.ContinuationToken,
		Contents: contents(c.owned(l.Objects), enc, deref(in.FetchOwner)), CommonPrefixes: prefixes(l.Prefixes, enc),
	}
	if in.Delimiter != nil && *in.Delimiter != "" {
		out.Delimiter = enc(*in.Delimiter)
	}
	if in.StartAfter != nil && in.ContinuationToken == nil {
		out.StartAfter = enc(*in.StartAfter)
	}
	if l.More {
		out.NextContinuationToken = ptr(token(l.Next))
	}
	return out, nil
}

func (a *api) listObjects(ctx context.Context, c *call, in *ListObjectsRequest) (*ListObjectsOutput, error) {
	limit, err := pageSize(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	l, err := a.store.List(ctx, &objstore.ListRequest{Bucket: in.Bucket, Prefix: str(in.Prefix), Delimiter: str(in.Delimiter), After: str(in.Marker), Limit: limit})
	if err != nil {
		return nil, err
	}
	c.Header.Set("X-Amz-Bucket-Region", c.bk.Region)
	out := &ListObjectsOutput{
		Name: &in.Bucket, Prefix: enc(str(in.Prefix)), Marker: enc(str(in.Marker)), MaxKeys: ptr(int32(limit)), IsTruncated: &l.More,
		EncodingType: in.EncodingType, Contents: contents(c.owned(l.Objects), enc, !c.Principal.Anonymous()), CommonPrefixes: prefixes(l.Prefixes, enc),
	}
	if in.Delimiter != nil && *in.Delimiter != "" {
		out.Delimiter = enc(*in.Delimiter)
		if l.More {
			out.NextMarker = enc(l.Next)
		}
	}
	return out, nil
}

// owned gives listed objects to the bucket's owner where the owner of the bucket owns all, whoever wrote them.
func (c *call) owned(list []*objstore.Object) []*objstore.Object {
	if !c.bk.Lists() {
		for _, o := range list {
			o.Owner = c.bk.Account
		}
	}
	return list
}

// shown is a time as S3 shows it in documents: in whole seconds, as in headers. Lists of objects tell milliseconds all the same:
// a file that was written and uploaded within a second would look newer than its object, and be synchronised again and again.
func shown(t time.Time) *time.Time { return ptr(t.Truncate(time.Second)) }

func contents(list []*objstore.Object, enc func(string) *string, owners bool) []Object {
	out := make([]Object, len(list))
	quoted := make([]string, len(list))
	for i, o := range list {
		quoted[i] = `"` + o.ETag + `"`
		out[i] = Object{Key: enc(o.Key), LastModified: &o.ModTime, ETag: &quoted[i], Size: &o.Size, StorageClass: ptr(ObjectStorageClass(class(o)))}
		if owners {
			out[i].Owner = owner(o.Owner)
		}
		if o.Checksum.Algorithm != "" {
			out[i].ChecksumAlgorithm = []ChecksumAlgorithm{ChecksumAlgorithm(o.Checksum.Algorithm)}
			out[i].ChecksumType = ptr(ChecksumType(o.Checksum.Type))
		}
	}
	return out
}

func class(o *objstore.Object) string {
	if o.Metadata.StorageClass == "" {
		return "STANDARD"
	}
	return o.Metadata.StorageClass
}

func prefixes(list []string, enc func(string) *string) []CommonPrefix {
	out := make([]CommonPrefix, len(list))
	for i, p := range list {
		out[i].Prefix = enc(p)
	}
	return out
}

func (a *api) listObjectVersions(ctx context.Context, c *call, in *ListObjectVersionsRequest) (*ListObjectVersionsOutput, error) {
	limit, err := pageSize(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	if str(in.VersionIdMarker) != "" && str(in.KeyMarker) == "" {
		return nil, argument("version-id-marker", str(in.VersionIdMarker), "A version-id marker cannot be specified without a key marker.")
	}
	l, err := a.store.Versions(ctx, &objstore.VersionsRequest{
		Bucket: in.Bucket, Prefix: str(in.Prefix), Delimiter: str(in.Delimiter), After: str(in.KeyMarker), AfterVersion: str(in.VersionIdMarker), Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	out := &ListObjectVersionsOutput{
		Name: &in.Bucket, Prefix: enc(str(in.Prefix)), KeyMarker: enc(str(in.KeyMarker)), VersionIdMarker: ptr(str(in.VersionIdMarker)),
		MaxKeys: ptr(int32(limit)), IsTruncated: &l.More, EncodingType: in.EncodingType, CommonPrefixes: prefixes(l.Prefixes, enc),
	}
	if in.Delimiter != nil && *in.Delimiter != "" {
		out.Delimiter = enc(*in.Delimiter)
	}
	if l.More {
		out.NextKeyMarker, out.NextVersionIdMarker = enc(l.Next), opt(l.NextVersion)
	}
	for _, o := range c.owned(l.Objects) {
		if o.DeleteMarker {
			out.DeleteMarkers = append(out.DeleteMarkers, DeleteMarkerEntry{Key: enc(o.Key), VersionId: &o.Version, IsLatest: &o.Latest, LastModified: &o.ModTime, Owner: owner(o.Owner)})
			continue
		}
		v := ObjectVersion{
			Key: enc(o.Key), VersionId: &o.Version, IsLatest: &o.Latest, LastModified: &o.ModTime, Owner: owner(o.Owner),
			ETag: ptr(`"` + o.ETag + `"`), Size: &o.Size, StorageClass: ptr(ObjectVersionStorageClass(class(o))),
		}
		if o.Checksum.Algorithm != "" {
			v.ChecksumAlgorithm = []ChecksumAlgorithm{ChecksumAlgorithm(o.Checksum.Algorithm)}
			v.ChecksumType = ptr(ChecksumType(o.Checksum.Type))
		}
		out.Versions = append(out.Versions, v)
	}
	return out, nil
}
