package s3api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
)

// getObject answers GetObject and HeadObject.
func (a *api) getObject(ctx context.Context, c *protocol.Call, in *GetObjectRequest, w http.ResponseWriter, r *http.Request) error {
	version := str(in.VersionId)
	if in.VersionId != nil && version == "" {
		return argument("versionId", "", "Version id cannot be the empty string")
	}
	action := "s3:GetObject"
	if version != "" {
		action = "s3:GetObjectVersion"
	}
	if e := c.Allowed(ctx, protocol.Access{Action: action, Resource: objectARN(in.Bucket, in.Key)}); e != nil {
		return e
	}
	k, err := a.enter(ctx, c, in.Bucket)
	if err != nil {
		return a.fail(w, c, err)
	}
	h := w.Header()
	a.cors(h, k.bk, r)
	cond := objstore.Conditions{
		Match: str(in.IfMatch), NoneMatch: str(in.IfNoneMatch), ModifiedSince: deref(in.IfModifiedSince), UnmodifiedSince: deref(in.IfUnmodifiedSince),
	}
	if in.Range != nil && in.PartNumber != nil {
		return refuse("InvalidRequest", http.StatusBadRequest, "Cannot specify both Range header and partNumber query parameter")
	}
	if c.Principal.Anonymous() && (in.ResponseContentType != nil || in.ResponseCacheControl != nil || in.ResponseContentDisposition != nil ||
		in.ResponseContentEncoding != nil || in.ResponseContentLanguage != nil || in.ResponseExpires != nil) {
		return refuse("InvalidRequest", http.StatusBadRequest, "Request specific response headers cannot be used for anonymous GET requests.")
	}
	var o *objstore.Object
	var body *objstore.Body
	if r.Method == http.MethodHead {
		if o, err = a.store.Head(ctx, in.Bucket, in.Key, version); err == nil {
			err = cond.Read(o, a.clock.Now())
		}
	} else if o, body, err = a.store.Open(ctx, in.Bucket, in.Key, version, cond); err == nil {
		defer body.Close()
	}
	if err != nil {
		return a.failGet(ctx, k, in, o, h, err)
	}
	k.describe(h, o, in)
	k.lockHeaders(ctx, h, o)
	off, n, partial, err := selected(in, o, h)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h["Content-Range"] = []string{"bytes " + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(off+n-1, 10) + "/" + strconv.FormatInt(o.Size, 10)}
	}
	if strings.EqualFold(str(in.ChecksumMode), "enabled") && n == o.Size && (in.PartNumber == nil || len(o.Parts) == 0) {
		checksumHeaders(h, o.Checksum)
	}
	if body != nil {
		if err := body.Check(off, n); err != nil {
			return err
		}
	}
	h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	w.WriteHeader(status)
	if body == nil || n == 0 {
		return nil
	}
	return body.Send(w, off, n)
}

// fail keeps the headers that an error has set.
func (a *api) fail(w http.ResponseWriter, c *protocol.Call, err error) error {
	for k, v := range c.Header {
		w.Header()[k] = v
	}
	return err
}

// failGet answers what is not there or not asked for.
func (a *api) failGet(ctx context.Context, c *call, in *GetObjectRequest, o *objstore.Object, h http.Header, err error) error {
	switch {
	case errors.Is(err, objstore.ErrNotModified):
		h["ETag"] = []string{`"` + o.ETag + `"`}
		h["Last-Modified"] = []string{o.ModTime.Format(http.TimeFormat)}
	case o != nil && o.DeleteMarker:
		h["X-Amz-Delete-Marker"] = []string{"true"}
		h["X-Amz-Version-Id"] = []string{o.Version}
		if errors.Is(err, objstore.ErrDeleteMarker) {
			h["Last-Modified"] = []string{o.ModTime.Format(http.TimeFormat)}
			h["Allow"] = []string{"DELETE"}
		}
	}
	if errors.Is(err, objstore.ErrNoSuchKey) {
		// Who may not list does not learn whether a key is there.
		if e := c.Allowed(ctx, protocol.Access{Action: "s3:ListBucket", Resource: bucketARN(in.Bucket), Conditions: map[string][]string{"s3:prefix": {in.Key}}}); e != nil {
			return e
		}
		return err
	}
	return err
}

// describe sets the headers that tell about an object.
func (c *call) describe(h http.Header, o *objstore.Object, in *GetObjectRequest) {
	m := &o.Metadata
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	h["ETag"] = []string{`"` + o.ETag + `"`}
	h["Last-Modified"] = []string{o.ModTime.Format(http.TimeFormat)}
	h["Accept-Ranges"] = []string{"bytes"}
	contentType := m.ContentType
	if contentType == "" {
		contentType = "binary/octet-stream"
	}
	pick := func(override *string, own string) string {
		if override != nil {
			return *override
		}
		return own
	}
	set("Content-Type", pick(in.ResponseContentType, contentType))
	set("Cache-Control", pick(in.ResponseCacheControl, m.CacheControl))
	set("Content-Disposition", pick(in.ResponseContentDisposition, m.ContentDisposition))
	set("Content-Encoding", pick(in.ResponseContentEncoding, m.ContentEncoding))
	set("Content-Language", pick(in.ResponseContentLanguage, m.ContentLanguage))
	expires := m.Expires
	if in.ResponseExpires != nil {
		expires = in.ResponseExpires.UTC().Format(http.TimeFormat)
	}
	set("Expires", expires)
	set("X-Amz-Website-Redirect-Location", m.WebsiteRedirect)
	set("X-Amz-Storage-Class", m.StorageClass)
	set("X-Amz-Server-Side-Encryption", string(*encryption(o)))
	set("X-Amz-Version-Id", str(c.versionOf(o.Version)))
	if in.VersionId == nil { // of the newest version only
		set("X-Amz-Expiration", str(c.expiration(o)))
	}
	if len(o.Tags) > 0 {
		set("X-Amz-Tagging-Count", strconv.Itoa(len(o.Tags)))
	}
	for k, v := range m.User {
		h["x-amz-meta-"+k] = []string{encodeMetadata(v)} // SDKs show names as they are spelled here
	}
}

func checksumHeaders(h http.Header, c objstore.Checksum) {
	if c.Algorithm == "" {
		return
	}
	h[http.CanonicalHeaderKey("X-Amz-Checksum-"+string(c.Algorithm))] = []string{c.Value}
	h["X-Amz-Checksum-Type"] = []string{string(c.Type)}
}

// noPart is the error for a part that an object of count parts does not have.
func noPart(number, count int) error {
	e := mapError(objstore.ErrInvalidPartNumber)
	e.Members = map[string]any{"PartNumberRequested": number, "ActualPartCount": count}
	return e
}

// selected returns the bytes that a request asks for.
func selected(in *GetObjectRequest, o *objstore.Object, h http.Header) (off, n int64, partial bool, err error) {
	if in.PartNumber != nil {
		number := int(*in.PartNumber)
		if number < 1 || number > objstore.MaxParts {
			return 0, 0, false, argument("partNumber", strconv.Itoa(number), "Part number must be an integer between 1 and 10000, inclusive")
		}
		if len(o.Parts) == 0 {
			if number != 1 {
				return 0, 0, false, noPart(number, 1)
			}
			return 0, o.Size, o.Size > 0, nil
		}
		h["X-Amz-Mp-Parts-Count"] = []string{strconv.Itoa(len(o.Parts))}
		for _, p := range o.Parts {
			if p.Number == number {
				if c := p.Checksum; c.Algorithm != "" && strings.EqualFold(str(in.ChecksumMode), "enabled") {
					c.Type = o.Checksum.Type
					checksumHeaders(h, c)
				}
				return off, p.Size, true, nil
			}
			off += p.Size
		}
		return 0, 0, false, noPart(number, len(o.Parts))
	}
	if in.Range == nil {
		return 0, o.Size, false, nil
	}
	off, n, ok := parseRange(*in.Range, o.Size)
	if !ok {
		return 0, o.Size, false, nil
	}
	if n <= 0 {
		e := *mapError(objstore.ErrInvalidRange)
		e.Members = map[string]any{"RangeRequested": *in.Range, "ActualObjectSize": o.Size}
		h["Content-Range"] = []string{"bytes */" + strconv.FormatInt(o.Size, 10)}
		return 0, 0, false, &e
	}
	return off, n, true, nil
}
