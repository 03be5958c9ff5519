package duck

import (
	"database/sql/driver"
	"fmt"
	"math/big"
	"time"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/tarn-data/tarn/internal/duck/value"
)

var kindOf = map[duckdb.Type]value.Kind{
	duckdb.TYPE_BOOLEAN: value.Boolean, duckdb.TYPE_TINYINT: value.TinyInt, duckdb.TYPE_SMALLINT: value.SmallInt,
	duckdb.TYPE_INTEGER: value.Integer, duckdb.TYPE_BIGINT: value.BigInt, duckdb.TYPE_UTINYINT: value.UTinyInt,
	duckdb.TYPE_USMALLINT: value.USmallInt, duckdb.TYPE_UINTEGER: value.UInteger, duckdb.TYPE_UBIGINT: value.UBigInt,
	duckdb.TYPE_HUGEINT: value.HugeInt, duckdb.TYPE_UHUGEINT: value.UHugeInt, duckdb.TYPE_FLOAT: value.Float,
	duckdb.TYPE_DOUBLE: value.Double, duckdb.TYPE_DECIMAL: value.Decimal, duckdb.TYPE_VARCHAR: value.Varchar,
	duckdb.TYPE_BLOB: value.Blob, duckdb.TYPE_DATE: value.Date, duckdb.TYPE_TIME: value.Time,
	duckdb.TYPE_TIMESTAMP: value.Timestamp, duckdb.TYPE_TIMESTAMP_S: value.Timestamp, duckdb.TYPE_TIMESTAMP_MS: value.Timestamp,
	duckdb.TYPE_TIMESTAMP_NS: value.Timestamp, duckdb.TYPE_TIMESTAMP_TZ: value.TimestampTZ, duckdb.TYPE_UUID: value.UUID,
	duckdb.TYPE_LIST: value.List, duckdb.TYPE_ARRAY: value.List, duckdb.TYPE_STRUCT: value.Struct, duckdb.TYPE_MAP: value.Map,
	duckdb.TYPE_SQLNULL: value.Integer, duckdb.TYPE_ENUM: value.Varchar,
}

var typeOf = func() map[value.Kind]duckdb.Type {
	m := map[value.Kind]duckdb.Type{value.JSON: duckdb.TYPE_VARCHAR}
	for t, k := range kindOf {
		if old, ok := m[k]; !ok || t < old {
			m[k] = t
		}
	}
	m[value.Integer], m[value.Varchar], m[value.Timestamp] = duckdb.TYPE_INTEGER, duckdb.TYPE_VARCHAR, duckdb.TYPE_TIMESTAMP
	return m
}()

// typeFrom returns the value.Type of a type of the driver.
func typeFrom(info duckdb.TypeInfo) (value.Type, error) {
	kind, ok := kindOf[info.InternalType()]
	if !ok {
		return value.Type{}, fmt.Errorf("columns of type %v are not supported", info.InternalType())
	}
	t := value.Type{Kind: kind}
	add := func(name string, child duckdb.TypeInfo) error {
		c, err := typeFrom(child)
		t.Fields = append(t.Fields, value.Field{Name: name, Type: c})
		return err
	}
	var err error
	switch d := info.Details().(type) {
	case *duckdb.DecimalDetails:
		t.Precision, t.Scale = int(d.Width), int(d.Scale)
	case *duckdb.ListDetails:
		err = add("", d.Child)
	case *duckdb.ArrayDetails:
		err = add("", d.Child)
	case *duckdb.MapDetails:
		if err = add("key", d.Key); err == nil {
			err = add("value", d.Value)
		}
	case *duckdb.StructDetails:
		for _, e := range d.Entries {
			if err = add(e.Name(), e.Info()); err != nil {
				break
			}
		}
	}
	return t, err
}

// infoFrom returns the driver's type for t.
func infoFrom(t value.Type) (duckdb.TypeInfo, error) {
	switch t.Kind {
	case value.Decimal:
		return duckdb.NewDecimalInfo(uint8(t.Precision), uint8(t.Scale))
	case value.List, value.Map:
		elem, err := infoFrom(t.Fields[0].Type)
		if err != nil {
			return nil, err
		}
		if t.Kind == value.List {
			return duckdb.NewListInfo(elem)
		}
		val, err := infoFrom(t.Fields[1].Type)
		if err != nil {
			return nil, err
		}
		return duckdb.NewMapInfo(elem, val)
	case value.Struct:
		var entries []duckdb.StructEntry
		for _, f := range t.Fields {
			info, err := infoFrom(f.Type)
			if err != nil {
				return nil, err
			}
			e, err := duckdb.NewStructEntry(info, f.Name)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		if len(entries) == 0 {
			return nil, fmt.Errorf("STRUCT without fields")
		}
		return duckdb.NewStructInfo(entries[0], entries[1:]...)
	}
	base, ok := typeOf[t.Kind]
	if !ok {
		return nil, fmt.Errorf("type %s is not known", t)
	}
	return duckdb.NewTypeInfo(base)
}

// fromDriver turns a value of the driver into its Go form.
func fromDriver(v any, t value.Type) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool, int64, float32, float64, string, []byte:
		if t.Kind == value.UUID {
			if b, ok := v.([]byte); ok && len(b) == 16 {
				id := duckdb.UUID(b)
				return id.String(), nil
			}
		}
		return v, nil
	case *big.Int:
		return v, nil
	case int8:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case uint16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint64:
		return new(big.Int).SetUint64(v), nil
	case duckdb.Decimal:
		return v.Value, nil
	case duckdb.UUID:
		return v.String(), nil
	case time.Time:
		switch t.Kind {
		case value.Date:
			return floorDiv(v.Unix(), 86400), nil
		case value.Time:
			h, m, s := v.Clock()
			return int64(h*3600+m*60+s)*1e6 + int64(v.Nanosecond()/1000), nil
		}
		return v.UnixMicro(), nil
	case []any:
		for i := range v {
			var err error
			if v[i], err = fromDriver(v[i], t.Elem()); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		out := make([]any, len(t.Fields))
		for i, f := range t.Fields {
			var err error
			if out[i], err = fromDriver(v[f.Name], f.Type); err != nil {
				return nil, err
			}
		}
		return out, nil
	case duckdb.OrderedMap:
		keys, vals := v.Keys(), v.Values()
		out := make([]any, len(keys))
		for i := range keys {
			k, err := fromDriver(keys[i], t.Fields[0].Type)
			if err != nil {
				return nil, err
			}
			x, err := fromDriver(vals[i], t.Fields[1].Type)
			if err != nil {
				return nil, err
			}
			out[i] = []any{k, x}
		}
		return out, nil
	}
	return nil, fmt.Errorf("driver value of Go type %T for %s", v, t)
}

// toDriver turns the Go form of a value into what the driver stores in a vector of type t.
func toDriver(v any, t value.Type) (driver.Value, error) {
	if v == nil {
		return nil, nil
	}
	switch t.Kind {
	case value.Decimal:
		if b, ok := v.(*big.Int); ok {
			return duckdb.Decimal{Width: uint8(t.Precision), Scale: uint8(t.Scale), Value: b}, nil
		}
	case value.Date:
		if d, ok := v.(int64); ok {
			return time.Unix(d*86400, 0).UTC(), nil
		}
	case value.Time:
		if us, ok := v.(int64); ok {
			return time.UnixMicro(us).UTC(), nil
		}
	case value.Timestamp, value.TimestampTZ:
		if us, ok := v.(int64); ok {
			return time.UnixMicro(us).UTC(), nil
		}
	case value.List:
		if l, ok := v.([]any); ok {
			out := make([]any, len(l))
			for i, x := range l {
				var err error
				if out[i], err = toDriver(x, t.Elem()); err != nil {
					return nil, err
				}
			}
			return out, nil
		}
	case value.Struct:
		if l, ok := v.([]any); ok && len(l) == len(t.Fields) {
			out := make(map[string]any, len(l))
			for i, f := range t.Fields {
				x, err := toDriver(l[i], f.Type)
				if err != nil {
					return nil, err
				}
				out[f.Name] = x
			}
			return out, nil
		}
	case value.TinyInt:
		if i, ok := v.(int64); ok {
			return int8(i), nil
		}
	case value.SmallInt:
		if i, ok := v.(int64); ok {
			return int16(i), nil
		}
	case value.Integer:
		if i, ok := v.(int64); ok {
			return int32(i), nil
		}
	case value.BigInt, value.Boolean, value.Float, value.Double, value.Varchar, value.Blob, value.HugeInt:
		return v, nil
	}
	return nil, fmt.Errorf("function returned a value of Go type %T for %s", v, t)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
