package workflow

import (
	"slices"
	"unicode/utf16"
)

// memberOrder returns the columns of a CSV file in the order in which AWS writes the members of their items: that of a hash map of
// Java, as recorded answers show. Buckets come one after the other; columns of one bucket are in the order of the file.
func memberOrder(headers []string) []int {
	size := 16
	for len(headers)*4 > size*3 {
		size *= 2
	}
	bucket := make([]int, len(headers))
	order := make([]int, len(headers))
	for i, h := range headers {
		var hash uint32
		for _, unit := range utf16.Encode([]rune(h)) {
			hash = hash*31 + uint32(unit)
		}
		bucket[i], order[i] = int((hash^hash>>16)&uint32(size-1)), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bucket[a] - bucket[b] })
	return order
}
