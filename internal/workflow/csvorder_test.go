package workflow

import (
	"slices"
	"testing"
)

func TestMemberOrder(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    []int
	}{
		{[]string{"Col1", "Col2"}, []int{0, 1}},
		{[]string{"H1", ""}, []int{1, 0}},
		{[]string{"0", "True", "{}"}, []int{0, 2, 1}},
	} {
		if got := memberOrder(c.headers); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.headers, got, c.want)
		}
	}
}
