// Package policy parses and evaluates IAM-style policy documents. It is pure: it reads nothing but its arguments.
//
// Evaluation follows "Policy evaluation logic" of the IAM user guide:
//
//	P1  An explicit deny in any policy decides.
//	P2  In one account, an allow of the identity's own policies or of the resource's policy suffices. The own policies
//	    are cut down by the permissions boundary and by the policies of the session.
//	P3  Across accounts both must allow.
//	P4  A resource's policy that names the account delegates to the account's own policies; one that names the user or
//	    the session grants at once, past boundary and session; one that names the role or everybody grants within them.
//	P5  The account's root is allowed everything in its account that no resource's policy denies, and can always repair a
//	    bucket's policy.
//	P6  What cannot be evaluated (a variable without a value, a number that is none) does not match.
package policy

// Principal is who makes a request. The zero value is the anonymous principal.
type Principal struct {
	Account string // twelve digits; "" = anonymous
	ARN     string // arn:aws:iam::ACCOUNT:user/NAME, …:root, arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	ID      string // AIDA…, AROA…:SESSION, or the account for root
	Service string // "s3.amazonaws.com" when a service acts for itself
	Root    bool   // the account's root: allowed everything in the account unless a resource policy denies it

	// Temporary is set for a session of a user or of root, which has the rights of the user but begets no other session.
	Temporary bool

	Name   string            // user name: aws:username; "" for others
	Role   string            // ARN of the role of a session, with its path
	Tags   map[string]string // aws:PrincipalTag/…
	Grants *Grants           // nil = none
}

// Grants are the policies that come with a principal.
type Grants struct {
	Identity []*Document // inline and managed, of the user, its groups or the role
	Boundary *Document   // nil = no boundary
	Session  []*Document // of the session; nil = no session policies
}

// Root returns the root principal of an account.
func Root(account string) Principal {
	return Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", ID: account, Root: true}
}

// ForService returns the principal of a service that acts in an account: "s3.amazonaws.com".
func ForService(service, account string) Principal {
	return Principal{Service: service, Account: account, ARN: service, ID: service}
}

// Anonymous reports whether nobody signed the request.
func (p Principal) Anonymous() bool { return p.Account == "" && p.Service == "" }
