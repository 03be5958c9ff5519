package protocol

import (
	"fmt"
	"net/url"
	"sort"
	"strings"
)

// maxFormFields bounds the parameters of one query request.
const maxFormFields = 50_000

// formTree turns dotted keys into a tree: Tags.member.1.Key=a.
func formTree(form url.Values) (*node, error) {
	if len(form) > maxFormFields {
		return nil, fmt.Errorf("%w: more than %d parameters", errSyntax, maxFormFields)
	}
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	root := &node{}
	// Children are found through a map where there are many: a list of 1,000 entries must not cost a million steps.
	index := map[*node]map[string]*node{}
	for _, k := range keys {
		n := root
		depth := 0
		for part := range strings.SplitSeq(k, ".") {
			if depth++; depth > maxDepth {
				return nil, fmt.Errorf("%w: parameter %q is nested deeper than %d", errSyntax, k[:64], maxDepth)
			}
			kids := index[n]
			c := kids[part]
			if c == nil {
				c = &node{name: part}
				n.kids = append(n.kids, c)
				if kids == nil {
					kids = map[string]*node{}
					index[n] = kids
				}
				kids[part] = c
			}
			n = c
		}
		n.text = form.Get(k)
	}
	return root, nil
}
