// Package policy evaluates IAM-style policy documents. It is pure: it reads nothing but its arguments.
package policy

// Principal is who makes a request. The zero value is the anonymous principal.
type Principal struct {
	Account string // twelve digits; "" = anonymous
	ARN     string // arn:aws:iam::ACCOUNT:user/NAME, …:root, arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	ID      string // AIDA…, AROA…:SESSION, or the account for root
	Service string // "s3.amazonaws.com" when a service acts for itself
	Root    bool   // the account's root: allowed everything in the account unless a resource policy denies it
}
