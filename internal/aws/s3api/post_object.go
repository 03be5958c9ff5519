package s3api

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/objstore"
)

// postObject serves a form that a browser uploads a file with (AWS: "POST Object", "Browser-Based Uploads Using POST").
func (a *api) postObject(ctx context.Context, c *protocol.Call, f *protocol.Form, w http.ResponseWriter) error {
	bucket := bucketOf(c.HTTP)
	if path := strings.Trim(c.HTTP.URL.Path, "/"); bucket == "" || path != "" && (path != bucket || sigv4.HostBucket(c.HTTP.Host) != "") {
		return refuse("MethodNotAllowed", http.StatusMethodNotAllowed, "The specified method is not allowed against this resource.")
	}
	key := f.Get("key")
	if f.FileName != "" {
		key = strings.ReplaceAll(key, "${filename}", f.FileName)
	}
	if f.Get("key") == "" {
		return argument("key", "", "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.")
	}
	if f.File == nil {
		return argument("file", "0", "POST requires exactly one file upload per request.")
	}
	k, err := a.enter(ctx, c, bucket)
	if err != nil {
		return err
	}
	file := &sizedFile{Reader: f.File, max: -1}
	if f.Signed {
		p, err := parsePostPolicy(f.Get("policy"))
		if err != nil {
			return err
		}
		if err := p.check(bucket, key, f, a.clock.Now()); err != nil {
			return err
		}
		file.min, file.max = p.min, p.max
	}
	if e := c.Allowed(ctx, protocol.Access{Action: "s3:PutObject", Resource: objectARN(bucket, key)}); e != nil {
		return e
	}
	req, err := k.postRequest(f, bucket, key, file)
	if err != nil {
		return err
	}
	if len(req.Tags) > 0 {
		if e := c.Allowed(ctx, protocol.Access{Action: "s3:PutObjectTagging", Resource: objectARN(bucket, key)}); e != nil {
			return e
		}
	}
	if f.Get("acl") != "" {
		if e := c.Allowed(ctx, protocol.Access{Action: "s3:PutObjectAcl", Resource: objectARN(bucket, key)}); e != nil {
			return e
		}
	}
	o, err := a.store.Put(ctx, req)
	if err != nil {
		return err
	}
	a.cors(w.Header(), k.bk, c.HTTP)
	return k.postAnswer(f, o, w)
}

// postRequest makes the request to the store from the fields of a form, which mean what the headers of PutObject do.
func (c *call) postRequest(f *protocol.Form, bucket, key string, file io.Reader) (*objstore.PutRequest, error) {
	acl, owner, err := c.objectACL(f.Get("acl"), grantHeaders{}, key)
	if err != nil {
		return nil, err
	}
	if v := f.Get("acl"); v != "" && !slices.Contains(cannedNames, v) {
		return nil, argument("x-amz-acl", v, "")
	}
	user := map[string]string{}
	for _, field := range f.Fields {
		name := strings.ToLower(field.Name)
		if rest, ok := strings.CutPrefix(name, "x-amz-meta-"); ok {
			user[rest] = f.Get(name) // the first of that name, which is the one that the policy was asked about
		}
		if strings.HasPrefix(name, "x-amz-server-side-encryption-customer-") || strings.HasPrefix(name, "x-amz-object-lock-") {
			return nil, refuse("NotImplemented", http.StatusNotImplemented, "Tarn does not support the form field "+name+".")
		}
	}
	field := func(name string) *string { return opt(f.Get(name)) }
	meta, err := c.metadata(metadataFields{
		field("Content-Type"), field("Cache-Control"), field("Content-Disposition"), nil, field("Content-Language"), field("Expires"),
		field("x-amz-website-redirect-location"), opt(StorageClass(f.Get("x-amz-storage-class"))),
		opt(ServerSideEncryption(f.Get("x-amz-server-side-encryption"))), field("x-amz-server-side-encryption-aws-kms-key-id"), user,
	})
	if err != nil {
		return nil, err
	}
	meta.ContentEncoding = f.Get("Content-Encoding")
	sum, err := sums{field("x-amz-checksum-crc32"), field("x-amz-checksum-crc32c"), field("x-amz-checksum-crc64nvme"), field("x-amz-checksum-sha1"), field("x-amz-checksum-sha256")}.checksum()
	if err != nil {
		return nil, err
	}
	if alg := f.Get("x-amz-checksum-algorithm"); alg != "" && sum.Algorithm == "" {
		if sum.Algorithm, err = objstore.ParseAlgorithm(alg); err != nil {
			return nil, err
		}
	}
	tags, err := formTags(f.Get("tagging"))
	if err != nil {
		return nil, err
	}
	return &objstore.PutRequest{
		Bucket: bucket, Key: key, Metadata: meta, Tags: tags, ACL: acl, Owner: owner, By: c.by(), Event: "ObjectCreated:Post",
		Content: objstore.Content{Body: file, Size: -1, ContentMD5: f.Get("Content-MD5"), Checksum: sum},
	}, nil
}

// formTags reads the field "tagging": the document of PutObjectTagging.
func formTags(text string) ([]objstore.Tag, error) {
	if text == "" {
		return nil, nil
	}
	var doc struct {
		XMLName xml.Name
		Tags    []struct {
			Key   string `xml:"Key"`
			Value string `xml:"Value"`
		} `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, malformed()
	}
	var tags []objstore.Tag
	if doc.XMLName.Local != "Tagging" {
		return nil, nil // S3 takes no notice of other documents
	}
	for _, t := range doc.Tags {
		tags = append(tags, objstore.Tag{Key: t.Key, Value: t.Value})
	}
	return tags, nil
}

// postAnswer answers as the form asks for: by a redirect, else with the status 200, 201 or 204.
func (c *call) postAnswer(f *protocol.Form, o *objstore.Object, w http.ResponseWriter) error {
	etag := `"` + o.ETag + `"`
	location := "http://" + c.HTTP.Host + "/"
	if c.Secure {
		location = "https://" + c.HTTP.Host + "/"
	}
	if strings.Trim(c.HTTP.URL.Path, "/") != "" {
		location += o.Bucket + "/"
	}
	location += url.PathEscape(o.Key)
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("X-Amz-Server-Side-Encryption", string(*encryption(o)))
	if v := c.versionOf(o.Version); v != nil {
		h.Set("X-Amz-Version-Id", *v)
	}
	checksumHeaders(h, o.Checksum)
	if e := c.expiration(o); e != nil {
		h.Set("X-Amz-Expiration", *e)
	}
	to := f.Get("success_action_redirect")
	if to == "" {
		to = f.Get("redirect")
	}
	if u, err := url.Parse(to); err == nil && to != "" && u.IsAbs() && u.Host != "" {
		q := u.Query()
		q.Set("bucket", o.Bucket)
		q.Set("key", o.Key)
		q.Set("etag", etag)
		u.RawQuery = q.Encode()
		h.Set("Location", u.String())
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	h.Set("Location", location)
	status, _ := strconv.Atoi(f.Get("success_action_status")) // anything else is 204
	if !slices.Contains([]int{http.StatusOK, http.StatusCreated}, status) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	var body []byte
	if status == http.StatusCreated {
		doc := struct {
			XMLName                     xml.Name `xml:"PostResponse"`
			Location, Bucket, Key, ETag string
		}{Location: location, Bucket: o.Bucket, Key: o.Key, ETag: etag}
		text, err := xml.Marshal(doc)
		if err != nil {
			return err
		}
		body = append([]byte(xml.Header), text...)
		h.Set("Content-Type", "application/xml")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
	return nil
}

// sizedFile refuses a file whose size the policy does not allow, and one that the connection cut off.
type sizedFile struct {
	io.Reader
	min, max, read int64 // max < 0 = none
}

func (s *sizedFile) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.read += int64(n)
	sized := func(code, message, limit string, bytes int64) error {
		e := refuse(code, http.StatusBadRequest, message)
		e.Members = map[string]any{"ProposedSize": strconv.FormatInt(s.read, 10), limit: strconv.FormatInt(bytes, 10)}
		return e
	}
	switch {
	case err != nil && err != io.EOF: //nolint:errorlint // readers return it bare
		// io.ErrUnexpectedEOF would be taken for the end of what was sent.
		return 0, refuse("MalformedPOSTRequest", http.StatusBadRequest, "The body of your POST request is not well-formed multipart/form-data.")
	case s.max >= 0 && s.read > s.max:
		return 0, sized("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "MaxSizeAllowed", s.max)
	case err == io.EOF && s.read < s.min: //nolint:errorlint // readers return it bare
		return 0, sized("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", "MinSizeAllowed", s.min)
	}
	return n, err
}
