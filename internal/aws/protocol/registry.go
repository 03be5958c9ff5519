package protocol

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/clock"
)

// Options are the settings of a Registry.
type Options struct {
	Logger *slog.Logger // nil = slog.Default()
	Clock  clock.Clock  // of condition keys; nil = the real one
}

// Registry holds the tables of all services. Services are added before it is used; after that it is read only and safe
// for concurrent use.
type Registry struct {
	log   *slog.Logger
	clock clock.Clock
	list  []*Service
	by    map[string]*Service // by signing name
}

// NewRegistry returns an empty registry.
func NewRegistry(o Options) *Registry {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	return &Registry{log: o.Logger.With("component", "protocol"), clock: o.Clock, by: map[string]*Service{}}
}

// Add adds services. Two of one name are a programmer's error and panic. A table that does not fit its model is found on
// the first call, or by Service.Check.
func (g *Registry) Add(list ...*Service) {
	for _, s := range list {
		if g.by[s.Name] != nil {
			panic("BUG: two services are named " + s.Name)
		}
		g.by[s.Name] = s
		g.list = append(g.list, s)
	}
}

// Service returns the service with this signing name, or nil.
func (g *Registry) Service(name string) *Service { return g.by[name] }

// Services returns all services, by name.
func (g *Registry) Services() []*Service {
	list := slices.Clone(g.list)
	slices.SortFunc(list, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// ByTarget returns the service whose operations have this prefix in X-Amz-Target: "AWSGlue". It parses models until it
// finds one, so it is for requests that name no service in a signature.
func (g *Registry) ByTarget(prefix string) *Service {
	for _, s := range g.list {
		if s.prepare() == nil && s.m.TargetPrefix == prefix && prefix != "" {
			return s
		}
	}
	return nil
}

// ByVersion returns the service of the query protocol with this API version that knows the action.
func (g *Registry) ByVersion(version, action string) *Service {
	for _, s := range g.list {
		if s.prepare() == nil && s.speaksQuery() && s.m.Ops[action] != nil && (version == "" || s.m.Version == version) {
			return s
		}
	}
	return nil
}

func (s *Service) speaksQuery() bool { return s.m.Protocol == "query" || s.m.QueryNS != "" }
