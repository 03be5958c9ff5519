package query

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// projectedValue is a value of a partition key that the table's properties give.
type projectedValue struct {
	value string // as the key's cast reads it
	path  string // as it stands in the location
}

// projectedKey computes the values of one partition key, as "Partition projection" of Athena's user guide describes.
type projectedKey struct {
	name  string
	typ   types.Type
	props map[string]string // of the table
}

// isProjected tells whether the partitions of a table are computed from its properties.
func isProjected(t *catalog.Table) bool {
	return strings.EqualFold(t.Parameters["projection.enabled"], "true")
}

// projected lists the files of a table whose partitions are computed from its properties.
func (r *running) projected(ctx context.Context, t *catalog.Table, use *sqlfront.TableUse) ([]part, error) {
	var missing []string
	for _, k := range t.PartitionKeys {
		if t.Parameters["projection."+k.Name+".type"] == "" {
			missing = append(missing, k.Name)
		}
	}
	if len(missing) > 0 {
		return nil, badProjection("Table %s.%s is configured for partition projection, but the following partition columns are missing projection configuration: [%s]", t.Database, t.Name, strings.Join(missing, ", "))
	}
	keys := make([][]projectedValue, len(t.PartitionKeys))
	for i, k := range t.PartitionKeys {
		typ, err := types.ParseHive(k.Type)
		if err != nil {
			return nil, err
		}
		key := &projectedKey{name: k.Name, typ: typ, props: t.Parameters}
		if keys[i], err = key.values(ctx, use, r.x.Submitted.UTC()); err != nil {
			return nil, err
		}
		if len(keys[i]) == 0 {
			return nil, nil
		}
	}
	template, err := projectedLocation(t)
	if err != nil {
		return nil, err
	}
	out := part{storage: t.Storage}
	at := make([]int, len(keys)) // an odometer over the values, the last key turns fastest
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		values, replace := make([]string, len(keys)), make([]string, 0, 2*len(keys))
		for i, k := range t.PartitionKeys {
			values[i] = keys[i][at[i]].value
			path := keys[i][at[i]].path
			if t.Parameters["storage.location.template"] == "" {
				path = escapeHive(path)
			}
			replace = append(replace, "${"+k.Name+"}", path)
		}
		files, err := r.list(ctx, strings.NewReplacer(replace...).Replace(template), values)
		if err != nil {
			return nil, err
		}
		out.files = append(out.files, files...)
		i := len(keys) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < len(keys[i]) {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return []part{out}, nil
		}
	}
}

// projectedLocation is the pattern of the partitions' folders: ${key} stands for a value.
func projectedLocation(t *catalog.Table) (string, error) {
	if s := t.Parameters["storage.location.template"]; s != "" {
		for _, k := range t.PartitionKeys {
			if !strings.Contains(s, "${"+k.Name+"}") {
				return "", badProjection("storage.location.template of table %s.%s does not contain ${%s}", t.Database, t.Name, k.Name)
			}
		}
		return s, nil
	}
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(t.Storage.Location, "/") + "/")
	for _, k := range t.PartitionKeys {
		b.WriteString(k.Name + "=${" + k.Name + "}/")
	}
	return b.String(), nil
}

// values returns those values of the key that the statement may need.
func (k *projectedKey) values(ctx context.Context, use *sqlfront.TableUse, now time.Time) ([]projectedValue, error) {
	var all func(yield func(projectedValue) bool)
	var err error
	switch kind := strings.ToLower(k.prop("type")); kind {
	case "enum":
		all, err = k.enum()
	case "integer":
		all, err = k.integers(use)
	case "date":
		all, err = k.dates(now)
	case "injected":
		all, err = k.injected(use)
	default:
		err = k.fail("Type '%s' is not known; use enum, integer, date or injected", kind)
	}
	if err != nil {
		return nil, err
	}
	var out []projectedValue
	var failed error
	for v := range all {
		if failed = ctx.Err(); failed != nil {
			break
		}
		keep, err := mayHold(use, k.name, k.typ, v.value)
		if err != nil {
			failed = err
			break
		}
		if keep {
			out = append(out, v)
		}
	}
	return out, failed
}

func (k *projectedKey) prop(name string) string {
	return k.props["projection."+k.name+"."+name]
}

// need returns a property that must be set.
func (k *projectedKey) need(name string) (string, error) {
	v := strings.TrimSpace(k.prop(name))
	if v == "" {
		return "", k.fail("Missing required property: 'projection.%s.%s'", k.name, name)
	}
	return v, nil
}

func (k *projectedKey) fail(format string, args ...any) error {
	return badProjection("Column projection for column '%s' failed. %s", k.name, fmt.Sprintf(format, args...))
}

func badProjection(format string, args ...any) error {
	return &sqlfront.Error{Name: "INVALID_TABLE_PROPERTY", Message: fmt.Sprintf(format, args...)}
}

// only fails where the key's type is none of those that a kind of projection can give.
func (k *projectedKey) only(bases ...types.Base) error {
	if slices.Contains(bases, k.typ.Base) {
		return nil
	}
	return k.fail("Unsupported column type: %s", k.typ)
}

func (k *projectedKey) enum() (func(func(projectedValue) bool), error) {
	if err := k.only(types.Varchar, types.Char, types.Integer, types.BigInt, types.SmallInt, types.TinyInt); err != nil {
		return nil, err
	}
	list, err := k.need("values")
	if err != nil {
		return nil, err
	}
	return func(yield func(projectedValue) bool) {
		for v := range strings.SplitSeq(list, ",") {
			if v = strings.TrimSpace(v); !yield(projectedValue{v, v}) {
				return
			}
		}
	}, nil
}

// integers counts from one end of the range to the other. Where the statement names the values, only they are looked at.
func (k *projectedKey) integers(use *sqlfront.TableUse) (func(func(projectedValue) bool), error) {
	if err := k.only(types.Varchar, types.Char, types.Integer, types.BigInt, types.SmallInt, types.TinyInt); err != nil {
		return nil, err
	}
	lo, hi, err := k.bounds()
	if err != nil {
		return nil, err
	}
	from, err1 := strconv.ParseInt(lo, 10, 64)
	to, err2 := strconv.ParseInt(hi, 10, 64)
	if err1 != nil || err2 != nil {
		return nil, k.fail("Property: 'projection.%s.range' must be two whole numbers: '%s,%s'", k.name, lo, hi)
	}
	step, err := k.number("interval", 1)
	if err != nil {
		return nil, err
	}
	digits, err := k.number("digits", 1)
	if err != nil {
		return nil, err
	}
	text := func(n int64) projectedValue {
		s := fmt.Sprintf("%0*d", int(min(digits, 64)), n)
		return projectedValue{s, s}
	}
	if named := namedValues(use, k.name); named != nil {
		return func(yield func(projectedValue) bool) {
			for _, s := range named {
				if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= from && n <= to && (n-from)%step == 0 && !yield(text(n)) {
					return
				}
			}
		}, nil
	}
	return func(yield func(projectedValue) bool) {
		for n := from; n <= to && yield(text(n)) && n <= to-step; n += step {
		}
	}, nil
}

// injected takes the values that the statement names.
func (k *projectedKey) injected(use *sqlfront.TableUse) (func(func(projectedValue) bool), error) {
	if err := k.only(types.Varchar, types.Char, types.Integer, types.BigInt, types.SmallInt, types.TinyInt); err != nil {
		return nil, err
	}
	static := true
	for _, f := range use.Filters {
		static = static && (!strings.EqualFold(f.Column, k.name) || len(f.Values) > 0)
	}
	named := namedValues(use, k.name)
	if named == nil || !static {
		return nil, &sqlfront.Error{Name: "CONSTRAINT_VIOLATION", Message: "For the injected projected partition column " + k.name + ", the WHERE clause must contain only static equality conditions, and at least one such condition must be present."}
	}
	return func(yield func(projectedValue) bool) {
		for _, s := range named {
			if !yield(projectedValue{s, s}) {
				return
			}
		}
	}, nil
}

// namedValues returns the values that a condition of the statement restricts a key to, each once; nil = none does.
func namedValues(use *sqlfront.TableUse, key string) []string {
	for _, f := range use.Filters {
		if !strings.EqualFold(f.Column, key) || len(f.Values) == 0 {
			continue
		}
		out := make([]string, len(f.Values))
		for i, v := range f.Values {
			out[i] = fmt.Sprint(v)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return nil
}

func (k *projectedKey) bounds() (lo, hi string, err error) {
	s, err := k.need("range")
	if err != nil {
		return "", "", err
	}
	lo, hi, ok := strings.Cut(s, ",")
	if !ok || strings.Contains(hi, ",") {
		return "", "", k.fail("Property: 'projection.%s.range' must be a comma separated pair: '%s'", k.name, s)
	}
	return strings.TrimSpace(lo), strings.TrimSpace(hi), nil
}

// number returns a positive number of the properties.
func (k *projectedKey) number(name string, otherwise int64) (int64, error) {
	s := strings.TrimSpace(k.prop(name))
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, k.fail("Property: 'projection.%s.%s' must be a whole number above 0: '%s'", k.name, name, s)
	}
	return n, nil
}
