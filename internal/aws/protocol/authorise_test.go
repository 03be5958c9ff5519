package protocol

import (
	"context"
	"net/http"
	"testing"

	"github.com/tarn-data/tarn/internal/policy"
)

// A service that asks for an action of another learns what that one knows of the resource: its policy and its account.
func TestAnActionOfAnotherServiceIsAskedOfIt(t *testing.T) {
	const theirs, denied = "arn:aws:s3:::theirs/k", "arn:aws:s3:::denied/k"
	deny, err := policy.Parse(policy.Resource, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	everything, err := policy.Parse(policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	g := NewRegistry(Options{Logger: quiet})
	lambda := &Service{Name: "lambda", AccessDeniedCode: "AccessDeniedException", Model: testService(t, "lambdaapi", nil).Model}
	g.Add(lambda, &Service{Name: "s3", ResourcePolicy: func(_ context.Context, c *Call, resource string) (*policy.Document, string, error) {
		if c.HTTP != nil {
			t.Error("a request to one service is shown to another")
		}
		switch resource {
		case theirs:
			return nil, "111111111111", nil
		case denied:
			return deny, "000000000000", nil
		}
		return nil, "000000000000", nil
	}})
	if err := lambda.prepare(); err != nil {
		t.Fatal(err)
	}
	user := policy.Principal{Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/u", Name: "u", Grants: &policy.Grants{Identity: []*policy.Document{everything}}}
	for resource, want := range map[string]bool{"arn:aws:s3:::mine/k": true, theirs: false, denied: false} {
		for _, p := range []policy.Principal{user, rootCall.Principal} {
			c := &Call{Principal: p, HTTP: &http.Request{}}
			if e := g.authorise(t.Context(), lambda, c, Access{Action: "s3:GetObject", Resource: resource}); (e == nil) != want {
				t.Errorf("%s reads %s: %v", p.ARN, resource, e)
			}
		}
	}
}
