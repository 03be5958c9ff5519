package scalar

import (
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var (
	text    = types.VarcharOf(types.Unbounded)
	bigint  = types.Of(types.BigInt)
	double  = types.Of(types.Double)
	integer = types.Of(types.Integer)
)

func apply(t *testing.T, name string, result types.Type, ts []types.Type, args ...any) (any, error) {
	t.Helper()
	f, err := Bind(name, Signature{Args: ts, Result: result})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f(args)
}

func TestCastText(t *testing.T) {
	tz := types.With(types.TimestampTZ, 3)
	for _, c := range []struct {
		from, to types.Type
		in, want any
	}{
		{double, text, 1e10, "1.0E10"}, {double, text, 0.0, "0E0"}, {types.Of(types.Real), text, float32(16777216), "1.677722E7"},
		{text, types.DecimalOf(5, 2), "-0.005", big.NewInt(-1)}, {text, double, "1d", 1.0}, {text, bigint, "+3", int64(3)},
		{double, integer, 2.5, int64(3)}, {double, integer, -2.5, int64(-3)},
		{text, types.Of(types.Date), " 2024-2-9 ", int64(19762)},
		{text, tz, "2024-03-31 02:30:00 Europe/Berlin", []any{int64(1711848600000000), "Europe/Berlin"}},
		{types.With(types.Timestamp, 3), types.With(types.Timestamp, 0), int64(1735689599999000), int64(1735689600000000)},
		{types.Of(types.JSON), types.ArrayOf(integer), `[1,"2",3.7]`, []any{int64(1), int64(2), int64(4)}},
		{types.MapOf(text, integer), types.Of(types.JSON), []any{[]any{"b", int64(1)}, []any{"a", nil}}, `{"a":null,"b":1}`},
	} {
		f, ok := Cast(c.from, c.to)
		if !ok {
			t.Errorf("no cast from %s to %s", c.from, c.to)
			continue
		}
		got, err := f(c.in)
		if err != nil {
			t.Errorf("%s to %s of %v: %v", c.from, c.to, c.in, err)
		} else if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); d != "" {
			t.Errorf("%s to %s of %v: %s", c.from, c.to, c.in, d)
		}
	}
}

func TestCastErrorsAreNamed(t *testing.T) {
	for _, c := range []struct {
		from, to types.Type
		in       any
		want     string
	}{
		{text, bigint, "1_0", "INVALID_CAST_ARGUMENT"}, {bigint, types.Of(types.TinyInt), int64(128), "NUMERIC_VALUE_OUT_OF_RANGE"},
		{double, bigint, math.NaN(), "INVALID_CAST_ARGUMENT"}, {text, types.With(types.Timestamp, 9), "2024-01-01 00:00:00.123456789", "NOT_SUPPORTED"},
	} {
		f, _ := Cast(c.from, c.to)
		_, err := f(c.in)
		e, ok := FindError("Invalid Input Error: " + errText(err) + " and more")
		if !ok || e.Name != c.want {
			t.Errorf("%v: %v, want %s", c.in, err, c.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct {
		name   string
		result types.Type
		ts     []types.Type
		args   []any
		want   any
	}{
		{"substr", text, []types.Type{text, bigint, bigint}, []any{"日本語", int64(-2), int64(1)}, "本"},
		{"strpos", bigint, []types.Type{text, text, bigint}, []any{"abcabc", "bc", int64(-1)}, int64(5)},
		{"regexp_extract", text, []types.Type{text, text, bigint}, []any{"1a 2b", `(\d+)([a-z]+)`, int64(2)}, "a"},
		{"regexp_replace", text, []types.Type{text, text, text}, []any{"1a2b", `(\d)([a-z])`, "$2$1"}, "a1b2"},
		{"date_diff", bigint, []types.Type{text, types.Of(types.Date), types.Of(types.Date)}, []any{"month", int64(19738), int64(19782)}, int64(1)},
		{"soundex", text, []types.Type{text}, []any{"Ashcraft"}, "A261"},
		{"contains", types.Of(types.Boolean), []types.Type{types.ArrayOf(integer), integer}, []any{[]any{int64(1), nil}, int64(2)}, nil},
		{"json_extract_scalar", text, []types.Type{text, text}, []any{`{"a":[{"b":true}]}`, `$.a[0].b`}, "true"},
		{"url_extract_parameter", text, []types.Type{text, text}, []any{"http://a.com?x=a+b", "x"}, "a b"},
		{"$div", types.DecimalOf(2, 1), []types.Type{types.DecimalOf(2, 1), types.DecimalOf(10, 0)}, []any{big.NewInt(10), big.NewInt(3)}, big.NewInt(3)},
		{"$json_field", types.RowOf(integer), []types.Type{text, text, types.Of(types.Boolean)}, []any{`{"A":{}}`, "a", false}, []any{nil}},
	} {
		got, err := apply(t, c.name, c.result, c.ts, c.args...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); d != "" {
			t.Errorf("%s%v: %s", c.name, c.args, d)
		}
	}
}

func TestZones(t *testing.T) {
	for in, want := range map[string]string{"GMT": "UTC", "Etc/GMT+5": "-05:00", "+14:00": "+14:00", "Asia/Tokyo": "Asia/Tokyo", "+00:00": "UTC"} {
		if got, ok := ZoneName(in); !ok || got != want {
			t.Errorf("ZoneName(%s) = %s %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"utc", "EST", "+15:00", "Nowhere/City", "", "../etc/passwd"} {
		if got, ok := ZoneName(in); ok {
			t.Errorf("ZoneName(%q) = %s", in, got)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add("2024-02-29 12:34:56.789 Europe/Berlin", "$.a[0]")
	f.Add(`{"a":[1,"\ud83d\ude00"]}`, `["x"]`)
	f.Fuzz(func(t *testing.T, s, p string) {
		for _, to := range []types.Type{bigint, double, types.DecimalOf(38, 10), types.Of(types.Date), types.With(types.TimestampTZ, 6), types.With(types.TimeTZ, 3), types.Of(types.UUID), types.Of(types.IPAddress), types.Of(types.JSON)} {
			if conv, ok := Cast(text, to); ok {
				_, _ = conv(s)
			}
		}
		if c, ok := CanonicalJSON(s); ok {
			if again, ok := CanonicalJSON(c); !ok || again != c {
				t.Errorf("canonical JSON %q is not stable: %q", c, again)
			}
		}
		_, _, _ = extract([]any{s, p})
		_, _ = parseURI(s)
		_, _ = fromISOTimestamp([]any{s})
		_, _ = javaFormat(p, []any{s}, []types.Type{text})
	})
}
