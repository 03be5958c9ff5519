package workflow

// Shapes describes the outputs of services' operations, as far as TestState checks mocks against them.
type Shapes interface {
	// Output returns the output shape of an operation; ok is false when the service or operation is not known.
	Output(service, operation string) (Shape, bool)
}

// Shape is a type of a service's model.
type Shape interface {
	Type() string // structure, list, map, string, blob, integer, long, float, double, boolean, timestamp
	// Members returns the names of a structure's members as Step Functions writes them.
	Members() []string
	Member(name string) Shape
	Required() []string
	Element() Shape // of lists and maps
	Enum() []string
	// Bounds returns the limits of a length or a number; has tells which are set.
	Bounds() (lo, hi float64, hasLo, hasHi bool)
}
