package awsgen

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// Page returns the reference page of a service: what is served, refused and ignored.
func Page(m *model.Model, s *Support) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\nGenerated from AWS's model (API version %s) and `support.txt`; do not edit.\n\n", m.ServiceID, m.Version)
	fmt.Fprintf(&b, "Signing name `%s`, protocol %s", m.SigningName, m.Protocol)
	if m.QueryNS != "" {
		b.WriteString(" and query")
	}
	served := 0
	for _, op := range m.Ops {
		if !op.Unserved {
			served++
		}
	}
	fmt.Fprintf(&b, ". %d of %d operations are in the table; the others are refused by name.\n", served, len(m.Ops))
	list := func(title, empty string, ignored bool) {
		fmt.Fprintf(&b, "\n## %s\n\n", title)
		n := 0
		for _, r := range s.Members {
			if r.Ignored != ignored {
				continue
			}
			n++
			fmt.Fprintf(&b, "- `%s`", strings.Join(r.Path, "."))
			if r.Reason != "" {
				fmt.Fprintf(&b, ": %s", r.Reason)
			}
			b.WriteByte('\n')
		}
		if n == 0 {
			fmt.Fprintf(&b, "%s\n", empty)
		}
	}
	fmt.Fprintf(&b, "\n## Operations served\n\n")
	for _, n := range sortedKeys(m.Ops) {
		if op := m.Ops[n]; !op.Unserved {
			fmt.Fprintf(&b, "- %s\n", n)
		}
	}
	list("Members refused by name", "None.", false)
	list("Members ignored", "None.", true)
	fmt.Fprintf(&b, "\n## Operations refused by name\n\n")
	var refused []string
	for _, n := range sortedKeys(m.Ops) {
		if m.Ops[n].Unserved {
			refused = append(refused, n)
		}
	}
	if len(refused) == 0 {
		refused = []string{"None"}
	}
	fmt.Fprintf(&b, "%s.\n", strings.Join(refused, ", "))
	return b.Bytes()
}
