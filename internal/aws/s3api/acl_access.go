package s3api

import (
	"context"
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/objstore"
	"github.com/tarn-data/tarn/internal/policy"
)

// What the permissions of a list allow, as actions of policies (Amazon S3 user guide, "Mapping of ACL permissions and access
// policy permissions").
var (
	bucketActions = map[string][]string{
		read:     {"s3:listbucket", "s3:listbucketversions", "s3:listbucketmultipartuploads"},
		readACP:  {"s3:getbucketacl"},
		writeACP: {"s3:putbucketacl"},
	}
	objectActions = map[string][]string{
		read:     {"s3:getobject", "s3:getobjectversion"},
		readACP:  {"s3:getobjectacl", "s3:getobjectversionacl"},
		writeACP: {"s3:putobjectacl", "s3:putobjectversionacl"},
	}
	// writeActions are what WRITE on the bucket allows on an object that is not there yet or is the writer's own.
	writeActions = []string{"s3:putobject", "s3:putobjectacl", "s3:deleteobject", "s3:abortmultipartupload", "s3:listmultipartuploadparts"}
)

// ownerDecides are the operations on an object in which it is the object's owner that must allow, not the bucket's.
var ownerDecides = map[string]bool{
	"GetObject": true, "HeadObject": true, "GetObjectAttributes": true, "GetObjectAcl": true, "PutObjectAcl": true, "GetObjectTagging": true, "GetObjectTorrent": true,
}

// withLists adds what the access control lists of a bucket and its object allow to the bucket's policy d, which may be nil,
// and returns the account whose principals need no more than their own policies.
func (a *api) withLists(ctx context.Context, c *protocol.Call, bk *objstore.Bucket, key string, d *policy.Document) (*policy.Document, string, error) {
	g := granted{ignorePublic: access(bk).IgnorePublicACLs, who: &c.Principal}
	if key == "" {
		return g.with(d, bk.ACL, bucketActions), bk.Account, nil
	}
	version, source := askedVersion(c, bk.Name, key)
	o, err := a.store.Head(ctx, bk.Name, key, version)
	if err != nil { // there is nothing to read; the handler says why
		if o == nil || o.Owner == accountOf(c) {
			d = g.with(d, bk.ACL, map[string][]string{write: writeActions})
		}
		return d, bk.Account, nil
	}
	if o.Owner == accountOf(c) {
		d = g.with(d, bk.ACL, map[string][]string{write: writeActions})
	}
	if o.Owner == bk.Account || !source && !ownerDecides[c.Operation] {
		return g.with(d, o.ACL, objectActions), bk.Account, nil
	}
	// The policy of a bucket gives away the objects of its owner only; what it forbids, it forbids for all.
	return g.with(denials(d), o.ACL, objectActions), o.Owner, nil
}

func denials(d *policy.Document) *policy.Document {
	if d == nil {
		return nil
	}
	out := &policy.Document{Version: d.Version}
	for _, s := range d.Statements {
		if s.Deny {
			out.Statements = append(out.Statements, s)
		}
	}
	return out
}

// granted turns the grants of lists that are about one principal into statements.
type granted struct {
	ignorePublic bool
	who          *policy.Principal
}

func (g *granted) with(d *policy.Document, acl *objstore.ACL, actions map[string][]string) *policy.Document {
	if acl == nil {
		return d
	}
	out := &policy.Document{}
	if d != nil {
		out.Version, out.Statements = d.Version, append(out.Statements, d.Statements...)
	}
	for _, x := range acl.Grants {
		to := g.principals(x)
		if to == nil {
			continue
		}
		s := policy.Statement{Principals: to, Resources: []string{"*"}}
		if x.Permission != fullControl {
			s.Actions = actions[x.Permission]
		} else {
			for _, list := range actions {
				s.Actions = append(s.Actions, list...)
			}
		}
		if len(s.Actions) > 0 {
			out.Statements = append(out.Statements, s)
		}
	}
	return out
}

// principals says whom a grant is about, if it is about the one who asks.
func (g *granted) principals(x objstore.Grant) *policy.Principals {
	switch {
	case x.Group == allUsers && !g.ignorePublic, x.Group == authenticatedUsers && !g.ignorePublic && !g.who.Anonymous():
		return &policy.Principals{Any: true}
	case x.User != "" && !g.who.Anonymous() && x.User == CanonicalID(g.who.Account):
		return &policy.Principals{AWS: []string{g.who.Account}}
	}
	return nil
}

// accountOf returns the account of a principal as owners are kept.
func accountOf(c *protocol.Call) string {
	if c.Principal.Anonymous() {
		return anonymous
	}
	return c.Principal.Account
}

// askedVersion returns the version of an object that a request is about, as its target or as the source of a copy.
func askedVersion(c *protocol.Call, bucket, key string) (version string, source bool) {
	if c.HTTP == nil {
		return "", false
	}
	if s := c.HTTP.Header.Get("X-Amz-Copy-Source"); s != "" && (c.Operation == "CopyObject" || c.Operation == "UploadPartCopy") {
		if src, err := parseSource(s); err == nil && src.bucket == bucket && src.key == key {
			// Of a copy onto itself the target counts: it is the bucket's owner that lets objects be replaced.
			b, k := objectOf(c.HTTP)
			return src.version, b != bucket || k != key
		}
	}
	if !strings.Contains(c.HTTP.URL.RawQuery, "versionId=") {
		return "", false
	}
	q, err := url.ParseQuery(c.HTTP.URL.RawQuery)
	if err != nil {
		return "", false
	}
	return q.Get("versionId"), false
}
