package policy

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var (
	sidForm     = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	idForm      = regexp.MustCompile(`^A[A-Z0-9]{15,}$`)
)

func (r *rawStatement) parse(kind Kind) (Statement, error) {
	var s Statement
	fail := func(format string, args ...any) (Statement, error) { return s, malformed(format, args...) }
	if r.SID != nil {
		if s.SID = *r.SID; kind != Resource && !sidForm.MatchString(s.SID) {
			return fail("Statement IDs (SID) in a single policy must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
	}
	switch {
	case r.Effect == nil:
		return fail("Missing required field Effect")
	case *r.Effect == "Deny":
		s.Deny = true
	case *r.Effect != "Allow":
		return fail("Invalid effect: %s", *r.Effect)
	}
	if err := r.principals(kind, &s); err != nil {
		return s, err
	}
	if err := r.actions(kind, &s); err != nil {
		return s, err
	}
	if err := r.resources(kind, &s); err != nil {
		return s, err
	}
	ops := make([]string, 0, len(r.Condition))
	for op := range r.Condition {
		ops = append(ops, op)
	}
	slices.Sort(ops)
	for _, op := range ops {
		parsed, ok := parseOperator(op)
		if !ok {
			return fail("Invalid Condition type : %s.", op)
		}
		for key, b := range r.Condition[op] {
			vs, err := values(b)
			if err != nil {
				return s, err
			}
			if !strings.Contains(key, ":") {
				return fail("Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			s.Conditions = append(s.Conditions, Condition{Operator: op, Key: strings.ToLower(key), Values: vs, op: parsed})
		}
	}
	return s, nil
}

func (r *rawStatement) principals(kind Kind, s *Statement) error {
	if kind == Identity {
		if r.Principal != nil || r.NotPrincipal != nil {
			return malformed("Policy document should not specify a principal.")
		}
		return nil
	}
	var err error
	switch {
	case r.Principal != nil && r.NotPrincipal != nil:
		return malformed("Statement has both Principal and NotPrincipal")
	case r.Principal != nil:
		s.Principals, err = parsePrincipals(r.Principal)
	case r.NotPrincipal != nil && kind == Trust && *r.Effect == "Allow":
		return malformed("Allow with NotPrincipal is not allowed.")
	case r.NotPrincipal != nil:
		s.NotPrincipal, err = parsePrincipals(r.NotPrincipal)
	case kind == Trust:
		return malformed("Missing required field Principal cannot be empty!")
	default:
		return malformed("Missing required field Principal")
	}
	return err
}

func parsePrincipals(b json.RawMessage) (*Principals, error) {
	var star string
	if json.Unmarshal(b, &star) == nil {
		if star != "*" {
			return nil, malformed("Invalid principal in policy: \"%s\"", star)
		}
		return &Principals{Any: true}, nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(b, &m) != nil || len(m) == 0 {
		return nil, malformed("Invalid principal in policy")
	}
	p := &Principals{}
	for k, v := range m {
		list, err := texts(v)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			switch {
			case k == "AWS" && x == "*":
				p.Any = true
			case k == "AWS" && (accountForm.MatchString(x) || idForm.MatchString(x) || strings.HasPrefix(x, "arn:aws") && strings.Count(x, ":") == 5):
				p.AWS = append(p.AWS, x)
			case k == "Service" && strings.Contains(x, "."):
				p.Service = append(p.Service, x)
			case k == "Federated", k == "CanonicalUser":
				p.Other = append(p.Other, x)
			default:
				return nil, malformed("Invalid principal in policy: \"%s\":\"%s\"", k, x)
			}
		}
	}
	return p, nil
}

func (r *rawStatement) actions(kind Kind, s *Statement) (err error) {
	if (r.Action == nil) == (r.NotAction == nil) {
		if kind == Resource {
			return malformed("Missing required field Action")
		}
		return malformed("Policy statement must contain actions.")
	}
	if s.Actions, err = texts(r.Action); err != nil {
		return err
	}
	if s.NotActions, err = texts(r.NotAction); err != nil {
		return err
	}
	for _, list := range [][]string{s.Actions, s.NotActions} {
		for i, a := range list {
			vendor, name, ok := strings.Cut(a, ":")
			switch {
			case a == "*":
			case !ok:
				return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			case vendor == "" || strings.ContainsAny(vendor, "*? ") || name == "":
				return malformed("Vendor %s is not valid", vendor)
			case kind == Trust && !strings.EqualFold(vendor, "sts"):
				return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
			}
			list[i] = strings.ToLower(a)
		}
	}
	if len(s.Actions)+len(s.NotActions) == 0 {
		return malformed("Policy statement must contain actions.")
	}
	return nil
}

func (r *rawStatement) resources(kind Kind, s *Statement) (err error) {
	if kind == Trust {
		if r.Resource != nil || r.NotResource != nil {
			return malformed("Has prohibited field Resource")
		}
		s.Resources = []string{"*"}
		return nil
	}
	if (r.Resource == nil) == (r.NotResource == nil) {
		if kind == Resource {
			return malformed("Missing required field Resource")
		}
		return malformed("Policy statement must contain resources.")
	}
	if s.Resources, err = texts(r.Resource); err != nil {
		return err
	}
	if s.NotResources, err = texts(r.NotResource); err != nil {
		return err
	}
	if len(s.Resources)+len(s.NotResources) == 0 {
		return malformed("Policy statement must contain resources.")
	}
	for _, x := range slices.Concat(s.Resources, s.NotResources) {
		if x != "*" && (strings.Count(x, ":") < 5 || !strings.HasPrefix(x, "arn:") && !strings.HasPrefix(x, "*") && !strings.HasPrefix(x, "arn")) {
			if x != "*" && strings.Trim(x, "*") == "" {
				continue
			}
			return malformed("Resource %s must be in ARN format or \"*\".", x)
		}
	}
	return nil
}
