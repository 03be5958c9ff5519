package etl

import (
	"context"
	"fmt"
	"maps"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Tags returns the tags of a job, trigger or workflow (kind) after edit has changed them; a nil edit only reads.
func (s *Service) Tags(ctx context.Context, scope ident.Scope, kind, name string, edit func(map[string]string)) (tags map[string]string, err error) {
	changed := func(old map[string]string) map[string]string {
		tags = maps.Clone(old)
		if tags == nil {
			tags = map[string]string{}
		}
		if edit != nil {
			edit(tags)
		}
		return tags
	}
	err = s.change(ctx, func(st *step) error {
		var b kv.Batch
		switch kind {
		case "job":
			j, err := s.Job(ctx, scope, name)
			if err != nil {
				return err
			}
			j.Tags = changed(j.Tags)
			kv.Put(&b, jobKey(scope, name), j)
		case "trigger":
			t, err := s.Trigger(ctx, scope, name)
			if err != nil {
				return err
			}
			t.Tags = changed(t.Tags)
			kv.Put(&b, triggerKey(scope, name), t)
		case "workflow":
			w, err := s.Workflow(ctx, scope, name)
			if err != nil {
				return err
			}
			w.Tags = changed(w.Tags)
			kv.Put(&b, workflowKey(scope, name), w)
		default:
			return fmt.Errorf("%w: resources of the kind %s have no tags here", ErrBadInput, kind)
		}
		if edit != nil {
			st.Batch = b
		}
		return nil
	})
	return tags, err
}
