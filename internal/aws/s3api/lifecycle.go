package s3api

import (
	"context"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) putLifecycle(ctx context.Context, c *call, in *PutBucketLifecycleConfigurationRequest) (*PutBucketLifecycleConfigurationOutput, error) {
	if in.LifecycleConfiguration == nil {
		return nil, malformed()
	}
	rules := make([]objstore.Rule, 0, len(in.LifecycleConfiguration.Rules))
	for i := range in.LifecycleConfiguration.Rules {
		r, err := fromRule(&in.LifecycleConfiguration.Rules[i])
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	if err := objstore.CheckLifecycle(rules); err != nil {
		return nil, err
	}
	for i := range rules {
		if rules[i].ID == "" {
			rules[i].ID = ident.UUID()
		}
	}
	size := str(in.TransitionDefaultMinimumObjectSize)
	if size == "" {
		size = defaultTransitionSize
	}
	_, err := a.set(ctx, c, func(b *objstore.Bucket) error { b.Lifecycle, b.TransitionSize = rules, size; return nil })
	return &PutBucketLifecycleConfigurationOutput{TransitionDefaultMinimumObjectSize: ptr(TransitionDefaultMinimumObjectSize(size))}, err
}

// defaultTransitionSize says which objects transitions pass over: for the classes that Tarn moves to, both settings say the same.
const defaultTransitionSize = string(TransitionDefaultMinimumObjectSize_All_Storage_Classes_128K)

// formEmpty is the form of rules whose filter is an empty element, which selects everything.
const formEmpty = "Empty"

func fromRule(in *LifecycleRule) (r objstore.Rule, err error) {
	r.ID = str(in.ID)
	switch in.Status {
	case "Enabled":
	case "Disabled":
		r.Disabled = true
	default:
		return r, malformed()
	}
	switch f := in.Filter; {
	case in.Prefix != nil && f != nil, in.Prefix == nil && f == nil:
		return r, malformed()
	case f == nil:
		r.Prefix = *in.Prefix
	case given(f.Prefix != nil, f.Tag != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.And != nil) > 1:
		return r, malformed() // several belong into And
	case f.And != nil:
		r.Form, r.Prefix, r.Tags, r.LargerThan, r.LessThan = "And", str(f.And.Prefix), fromTags(f.And.Tags), f.And.ObjectSizeGreaterThan, f.And.ObjectSizeLessThan
	default:
		r.Form, r.Prefix, r.LargerThan, r.LessThan = "Filter", str(f.Prefix), f.ObjectSizeGreaterThan, f.ObjectSizeLessThan
		if f.Tag != nil {
			r.Tags = fromTags([]Tag{*f.Tag})
		} else if f.Prefix == nil {
			r.Form = formEmpty
		}
	}
	positive := func(n *int32, name string) (int, error) {
		if n == nil {
			return 0, nil
		}
		if *n <= 0 {
			return 0, invalid("'" + name + "' must be a positive integer")
		}
		return int(*n), nil
	}
	if e := in.Expiration; e != nil {
		if given(e.Days != nil, e.Date != nil, e.ExpiredObjectDeleteMarker != nil) != 1 {
			return r, malformed()
		}
		if r.Days, err = positive(e.Days, "Days' for Expiration action"); err != nil {
			return r, err
		}
		r.Date, r.ExpireMarkers = deref(e.Date), deref(e.ExpiredObjectDeleteMarker)
	}
	if n := in.NoncurrentVersionExpiration; n != nil {
		if n.NoncurrentDays == nil {
			return r, malformed()
		}
		if r.NoncurrentDays, err = positive(n.NoncurrentDays, "NoncurrentDays"); err != nil {
			return r, err
		}
		if r.KeepNoncurrent, err = positive(n.NewerNoncurrentVersions, "NewerNoncurrentVersions"); err != nil {
			return r, err
		}
	}
	for _, t := range in.Transitions {
		if t.StorageClass == nil || given(t.Days != nil, t.Date != nil) != 1 {
			return r, malformed()
		}
		r.Transitions = append(r.Transitions, objstore.Transition{Days: int(deref(t.Days)), Date: deref(t.Date), Class: string(*t.StorageClass)})
	}
	for _, t := range in.NoncurrentVersionTransitions {
		if t.StorageClass == nil || t.NoncurrentDays == nil {
			return r, malformed()
		}
		r.Noncurrent = append(r.Noncurrent, objstore.Transition{Days: int(*t.NoncurrentDays), Keep: int(deref(t.NewerNoncurrentVersions)), Class: string(*t.StorageClass)})
	}
	if m := in.AbortIncompleteMultipartUpload; m != nil {
		if r.AbortDays, err = positive(m.DaysAfterInitiation, "DaysAfterInitiation"); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (a *api) getLifecycle(_ context.Context, c *call, _ *GetBucketLifecycleConfigurationRequest) (*GetBucketLifecycleConfigurationOutput, error) {
	if len(c.bk.Lifecycle) == 0 {
		return nil, absent("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
	}
	size := c.bk.TransitionSize
	if size == "" {
		size = defaultTransitionSize
	}
	out := &GetBucketLifecycleConfigurationOutput{TransitionDefaultMinimumObjectSize: ptr(TransitionDefaultMinimumObjectSize(size))}
	for i := range c.bk.Lifecycle {
		out.Rules = append(out.Rules, toRule(&c.bk.Lifecycle[i]))
	}
	return out, nil
}

// given counts what is given.
func given(what ...bool) (n int) {
	for _, is := range what {
		if is {
			n++
		}
	}
	return n
}

func toRule(r *objstore.Rule) LifecycleRule {
	out := LifecycleRule{ID: &r.ID, Status: "Enabled"}
	if r.Disabled {
		out.Status = "Disabled"
	}
	switch r.Form {
	case "":
		out.Prefix = &r.Prefix
	case "And":
		out.Filter = &LifecycleRuleFilter{And: &LifecycleRuleAndOperator{Prefix: opt(r.Prefix), Tags: toTags(r.Tags), ObjectSizeGreaterThan: r.LargerThan, ObjectSizeLessThan: r.LessThan}}
	default:
		f := &LifecycleRuleFilter{ObjectSizeGreaterThan: r.LargerThan, ObjectSizeLessThan: r.LessThan}
		if len(r.Tags) > 0 {
			f.Tag = &toTags(r.Tags)[0]
		} else if r.LargerThan == nil && r.LessThan == nil && r.Form != formEmpty {
			f.Prefix = &r.Prefix
		}
		out.Filter = f
	}
	if r.Days > 0 {
		out.Expiration = &LifecycleExpiration{Days: ptr(int32(r.Days))}
	} else if !r.Date.IsZero() {
		out.Expiration = &LifecycleExpiration{Date: &r.Date}
	} else if r.ExpireMarkers {
		out.Expiration = &LifecycleExpiration{ExpiredObjectDeleteMarker: &r.ExpireMarkers}
	}
	if r.NoncurrentDays > 0 {
		out.NoncurrentVersionExpiration = &NoncurrentVersionExpiration{NoncurrentDays: ptr(int32(r.NoncurrentDays))}
		if r.KeepNoncurrent > 0 {
			out.NoncurrentVersionExpiration.NewerNoncurrentVersions = ptr(int32(r.KeepNoncurrent))
		}
	}
	for _, t := range r.Transitions {
		x := Transition{StorageClass: ptr(TransitionStorageClass(t.Class))}
		if t.Date.IsZero() {
			x.Days = ptr(int32(t.Days))
		} else {
			x.Date = ptr(t.Date)
		}
		out.Transitions = append(out.Transitions, x)
	}
	for _, t := range r.Noncurrent {
		x := NoncurrentVersionTransition{StorageClass: ptr(TransitionStorageClass(t.Class)), NoncurrentDays: ptr(int32(t.Days))}
		if t.Keep > 0 {
			x.NewerNoncurrentVersions = ptr(int32(t.Keep))
		}
		out.NoncurrentVersionTransitions = append(out.NoncurrentVersionTransitions, x)
	}
	if r.AbortDays > 0 {
		out.AbortIncompleteMultipartUpload = &AbortIncompleteMultipartUpload{DaysAfterInitiation: ptr(int32(r.AbortDays))}
	}
	return out
}

func (a *api) deleteLifecycle(ctx context.Context, c *call, _ *DeleteBucketLifecycleRequest) (*none, error) {
	return a.set(ctx, c, func(b *objstore.Bucket) error { b.Lifecycle = nil; return nil })
}
