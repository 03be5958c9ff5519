package function

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
)

// Ref names a function as requests do: by name, by name:qualifier, by ACCOUNT:function:NAME or by ARN.
type Ref struct {
	ident.Scope
	Name      string
	Qualifier string // "" = unqualified
}

var (
	newName       = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
	nameForm      = regexp.MustCompile(`^[a-zA-Z0-9-_.]{1,170}$`) // what may be asked for: no such function is another error
	qualifierForm = regexp.MustCompile(`^[a-zA-Z0-9-_$]{1,170}$`)
	aliasForm     = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,128}$`)
	digits        = regexp.MustCompile(`^[0-9]+$`)
	layerForm     = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,140}$`)
)

// ParseRef reads a function's name in any of the forms, in the scope of the request. qualifier is the one given beside
// it, which must agree with one in the name. A function of another region than the request's is ErrUnreachable.
func ParseRef(scope ident.Scope, name, qualifier string) (Ref, error) {
	bad := func() (Ref, error) {
		return Ref{}, fmt.Errorf("%w: function name %q: want NAME, NAME:QUALIFIER, ACCOUNT:function:NAME or an ARN", ErrBadParameter, name)
	}
	r := Ref{Scope: scope}
	p := strings.Split(name, ":")
	switch {
	case strings.HasPrefix(name, "arn:"):
		a, err := ident.ParseARN(name)
		if err != nil || a.Service != "lambda" {
			return bad()
		}
		if scope.Region != "" && a.Region != scope.Region {
			return Ref{}, fmt.Errorf("%w: Functions from '%s' are not reachable in this region ('%s')", ErrUnreachable, a.Region, scope.Region)
		}
		r.Scope = a.Scope()
		// A resource without a name is, as on AWS, the function named "function".
		if p = strings.Split(a.Resource, ":"); len(p) > 1 && p[0] == "function" {
			p = p[1:]
		} else if a.Resource != "function" {
			return bad()
		}
	default: // [[REGION:]ACCOUNT:]function:NAME
		i := slices.Index(p, "function")
		if i < 0 || i > 2 || i+1 == len(p) {
			break
		}
		if i > 0 {
			r.Account = p[i-1]
		}
		p = p[i+1:]
	}
	if len(p) > 2 {
		return bad()
	}
	r.Name = p[0]
	if len(p) == 2 {
		r.Qualifier = p[1]
	}
	if qualifier != "" {
		if r.Qualifier != "" && r.Qualifier != qualifier {
			return Ref{}, fmt.Errorf("%w: The derived qualifier from the function name does not match the specified qualifier.", ErrBadParameter)
		}
		r.Qualifier = qualifier
	}
	if !nameForm.MatchString(r.Name) || r.Qualifier != "" && !qualifierForm.MatchString(r.Qualifier) {
		return bad()
	}
	return r, nil
}

// ARN returns the function's ARN, with its qualifier if it has one.
func (r Ref) ARN() string {
	arn := r.Scope.ARN("lambda", "function:"+r.Name)
	if r.Qualifier != "" {
		arn += ":" + r.Qualifier
	}
	return arn
}

// LayerARN returns the ARN of a version of a layer, or of the layer itself where number is 0.
func LayerARN(s ident.Scope, name string, number int) string {
	arn := s.ARN("lambda", "layer:"+name)
	if number > 0 {
		arn += fmt.Sprintf(":%d", number)
	}
	return arn
}

// ParseLayerARN reads the ARN of a layer version.
func ParseLayerARN(arn string) (s ident.Scope, name string, number int, err error) {
	a, err := ident.ParseARN(arn)
	if err == nil && a.Service == "lambda" {
		p := strings.Split(a.Resource, ":")
		if len(p) == 3 && p[0] == "layer" && layerForm.MatchString(p[1]) && digits.MatchString(p[2]) {
			if _, err := fmt.Sscan(p[2], &number); err == nil {
				return a.Scope(), p[1], number, nil
			}
		}
	}
	return ident.Scope{}, "", 0, fmt.Errorf("%w: layer %q: want arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION", ErrBadParameter, arn)
}
