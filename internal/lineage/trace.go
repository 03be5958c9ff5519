package lineage

import (
	"context"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
)

// Node is a step of a trace: an asset, the run that made it, and what that run read.
type Node struct {
	Asset   Asset
	Run     *Run   // nil where the asset came from outside
	Sources []Node // the run's inputs; those seen before are left without sources
	Seen    bool   // the asset's own sources stand elsewhere in the trace
}

// Trace follows an asset back to what it came from, at most depth runs deep. An asset named by a prefix (ending in "/")
// stands for all that was made under it. Each step goes back in time: a source is as it was when it was read.
func Trace(ctx context.Context, r kv.Reader, account string, a Asset, depth int) (Node, error) {
	return trace(ctx, r, account, a, time.Time{}, depth, map[string]bool{})
}

func trace(ctx context.Context, r kv.Reader, account string, a Asset, until time.Time, depth int, seen map[string]bool) (Node, error) {
	n := Node{Asset: a}
	if seen[a.Name] {
		n.Seen = true
		return n, nil
	}
	seen[a.Name] = true
	if depth == 0 {
		return n, nil
	}
	made, err := Made(ctx, r, account, a.Name, until, 1)
	if err != nil || len(made) == 0 {
		return n, err
	}
	n.Run = &made[0]
	for _, in := range n.Run.Inputs {
		src, err := trace(ctx, r, account, in, n.Run.At, depth-1, seen)
		if err != nil {
			return Node{}, err
		}
		n.Sources = append(n.Sources, src)
	}
	return n, nil
}

func sortNewest[T any](list []T, at func(T) time.Time) {
	slices.SortStableFunc(list, func(a, b T) int { return at(b).Compare(at(a)) })
}
