package protocol

// Or returns what p points to, or def where p is nil: how adapters read optional members.
func Or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}

// Some returns a pointer to v, or nil where v is the zero value: how adapters leave out what is not set.
func Some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
