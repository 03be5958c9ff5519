package s3api

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/tarn-data/tarn/internal/objstore"
)

// The groups and permissions of access control lists.
const (
	allUsers           = "http://acs.amazonaws.com/groups/global/AllUsers"
	authenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	logDelivery        = "http://acs.amazonaws.com/groups/s3/LogDelivery"

	fullControl = "FULL_CONTROL"
	read        = "READ"
	write       = "WRITE"
	readACP     = "READ_ACP"
	writeACP    = "WRITE_ACP"
)

// anonymous is the owner of what was written without a signature; S3 shows it by a canonical id of its own.
const (
	anonymous   = "anonymous"
	anonymousID = "65a011a29cdf8ec533ec3d1ccaae921c"
)

// imageReader is the account of EC2 that the canned list aws-exec-read names.
const imageReader = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"

// cannedNames are the names of lists for objects.
var cannedNames = []string{"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control"}

// cannedACL returns the list that a name stands for; nil = the owner's alone.
func cannedACL(name, owner, bucketOwner string) *objstore.ACL {
	acl := &objstore.ACL{Grants: []objstore.Grant{{User: CanonicalID(owner), Permission: fullControl}}}
	add := func(g ...objstore.Grant) *objstore.ACL {
		acl.Grants = append(acl.Grants, g...)
		return acl
	}
	switch name {
	case "public-read":
		return add(objstore.Grant{Group: allUsers, Permission: read})
	case "public-read-write":
		return add(objstore.Grant{Group: allUsers, Permission: read}, objstore.Grant{Group: allUsers, Permission: write})
	case "authenticated-read":
		return add(objstore.Grant{Group: authenticatedUsers, Permission: read})
	case "aws-exec-read":
		return add(objstore.Grant{User: imageReader, Permission: read})
	case "bucket-owner-read", "bucket-owner-full-control":
		if owner == bucketOwner {
			return nil
		}
		if name == "bucket-owner-read" {
			return add(objstore.Grant{User: CanonicalID(bucketOwner), Permission: read})
		}
		return add(objstore.Grant{User: CanonicalID(bucketOwner), Permission: fullControl})
	}
	return nil
}

// grantHeaders are the x-amz-grant-… headers of a request.
type grantHeaders struct{ fullControl, read, readACP, write, writeACP *string }

// parse reads the headers; nil = there are none.
func (h grantHeaders) parse(canned string) (*objstore.ACL, error) {
	if h == (grantHeaders{}) {
		return nil, nil
	}
	if canned != "" {
		return nil, refuse("InvalidRequest", http.StatusBadRequest, "Specifying both Canned ACLs and Header Grants is not allowed")
	}
	acl := &objstore.ACL{}
	for _, x := range [...]struct {
		header, permission string
		value              *string
	}{
		{"x-amz-grant-full-control", fullControl, h.fullControl}, {"x-amz-grant-read", read, h.read}, {"x-amz-grant-read-acp", readACP, h.readACP},
		{"x-amz-grant-write", write, h.write}, {"x-amz-grant-write-acp", writeACP, h.writeACP},
	} {
		if x.value == nil {
			continue
		}
		for grantee := range strings.SplitSeq(*x.value, ",") {
			kind, value, _ := strings.Cut(strings.TrimSpace(grantee), "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			g := objstore.Grant{Permission: x.permission}
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case "id":
				g.User = value
			case "uri":
				g.Group = value
			case "emailaddress":
				return nil, noEmail(value)
			default:
				return nil, argument(x.header, *x.value, "Argument format not recognized")
			}
			if err := checkGrantee(g, "id", "uri"); err != nil {
				return nil, err
			}
			acl.Grants = append(acl.Grants, g)
		}
	}
	return acl, checkGrants(acl)
}

var canonicalForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checkGrantee refuses who cannot be given anything; id and uri are the names of the arguments in the refusal.
func checkGrantee(g objstore.Grant, id, uri string) error {
	switch {
	case g.Group == "" && g.User != anonymousID && !canonicalForm.MatchString(g.User):
		return argument(id, g.User, "Invalid id")
	case g.Group != "" && g.Group != allUsers && g.Group != authenticatedUsers && g.Group != logDelivery:
		return argument(uri, g.Group, "Invalid group uri")
	}
	return nil
}

func noEmail(address string) error {
	e := refuse("UnresolvableGrantByEmailAddress", http.StatusBadRequest, "The e-mail address you provided does not match any account on record.")
	e.Members = map[string]any{"EmailAddress": address}
	return e
}

// maxGrants of a list, as in S3.
const maxGrants = 100

func checkGrants(acl *objstore.ACL) error {
	if len(acl.Grants) > maxGrants {
		return malformedACL()
	}
	return nil
}

func malformedACL() error {
	return refuse("MalformedACLError", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema")
}

// documentACL reads the document of a list, which must name the owner.
func documentACL(doc *AccessControlPolicy, account string) (*objstore.ACL, error) {
	if doc.Owner == nil {
		return nil, malformedACL()
	}
	acl := &objstore.ACL{}
	for _, g := range doc.Grants {
		if g.Grantee == nil || g.Permission == nil {
			return nil, malformedACL()
		}
		x := objstore.Grant{Permission: string(*g.Permission)}
		switch x.Permission {
		case fullControl, read, write, readACP, writeACP:
		default:
			return nil, malformedACL()
		}
		switch g.Grantee.Type {
		case "CanonicalUser":
			x.User = str(g.Grantee.ID)
		case "Group":
			if x.Group = str(g.Grantee.URI); x.Group == "" {
				return nil, malformedACL()
			}
		case "AmazonCustomerByEmail":
			return nil, noEmail(str(g.Grantee.EmailAddress))
		default:
			return nil, malformedACL()
		}
		acl.Grants = append(acl.Grants, x)
	}
	if id := str(doc.Owner.ID); id != CanonicalID(account) {
		if err := checkGrantee(objstore.Grant{User: id}, "CanonicalUser/ID", ""); err != nil {
			return nil, err
		}
		return nil, accessDenied()
	}
	for _, g := range acl.Grants {
		if err := checkGrantee(g, "CanonicalUser/ID", "Group/URI"); err != nil {
			return nil, err
		}
	}
	return acl, checkGrants(acl)
}

// showACL writes a list as it is answered.
func showACL(acl *objstore.ACL, owner string) []Grant {
	if acl == nil {
		acl = &objstore.ACL{Grants: []objstore.Grant{{User: CanonicalID(owner), Permission: fullControl}}}
	}
	out := make([]Grant, len(acl.Grants))
	for i, g := range acl.Grants {
		out[i] = Grant{Permission: ptr(Permission(g.Permission)), Grantee: &Grantee{Type: "Group", URI: &g.Group}}
		if g.User != "" {
			out[i].Grantee = &Grantee{Type: "CanonicalUser", ID: &g.User}
		}
	}
	return out
}
