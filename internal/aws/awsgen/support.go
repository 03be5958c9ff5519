package awsgen

import (
	"fmt"
	"slices"
	"strings"
)

// Support is a parsed support.txt. Each line is one of
//
//	service NAME             folder in botocore's data: "stepfunctions"
//	query VERSION            the service speaks the query protocol too; its names are in that release of botocore
//	Operation                served
//	- Path.To.Member reason  refused by name when a request gives it
//	~ Path.To.Member reason  ignored when a request gives it: only for what changes nothing
//	# comment
//
// A path starts with the name of a structure of the model, or of an operation for its input, and goes through members;
// lists and maps are looked through. Since structures are shared, the member is refused wherever its structure is used.
// The rest of the line is shown in the reference page.
type Support struct {
	Service  string
	QueryRef string // botocore release; "" = none
	Ops      []string
	Members  []MemberRule
}

// MemberRule says that a member is not served.
type MemberRule struct {
	Ignored bool
	Path    []string
	Reason  string
}

// ParseSupport reads a support.txt. The error names the line.
func ParseSupport(text string) (*Support, error) {
	s := &Support{}
	for i, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || f[0][0] == '#' {
			continue
		}
		bad := func(why string) error { return fmt.Errorf("line %d: %q: %s", i+1, line, why) }
		switch f[0] {
		case "service", "query":
			if len(f) != 2 {
				return nil, bad("want one value")
			}
			if f[0] == "service" {
				s.Service = f[1]
			} else {
				s.QueryRef = f[1]
			}
		case "-", "~":
			if len(f) < 2 || !strings.Contains(f[1], ".") {
				return nil, bad("want Structure.Member")
			}
			s.Members = append(s.Members, MemberRule{f[0] == "~", strings.Split(f[1], "."), strings.Join(f[2:], " ")})
		default:
			if len(f) != 1 {
				return nil, bad("want the name of one operation")
			}
			if slices.Contains(s.Ops, f[0]) {
				return nil, bad("named twice")
			}
			s.Ops = append(s.Ops, f[0])
		}
	}
	if s.Service == "" {
		return nil, fmt.Errorf("no line \"service NAME\"")
	}
	if len(s.Ops) == 0 {
		return nil, fmt.Errorf("no operations")
	}
	slices.Sort(s.Ops)
	return s, nil
}
