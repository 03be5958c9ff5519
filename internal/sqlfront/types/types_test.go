package types

import "testing"

func TestCommon(t *testing.T) {
	for _, c := range []struct {
		a, b Type
		want string
	}{
		{Of(TinyInt), Of(BigInt), "bigint"}, {Of(Integer), DecimalOf(2, 1), "decimal(11,1)"}, {DecimalOf(38, 2), Of(Real), "real"},
		{VarcharOf(3), With(Char, 5), "char(5)"}, {Of(Date), With(TimestampTZ, 3), "timestamp(3) with time zone"},
		{ArrayOf(Of(Unknown)), ArrayOf(Of(Date)), "array(date)"}, {Of(Unknown), Of(JSON), "json"},
		{RowOf(Of(Integer), VarcharOf(1)), RowOf(Of(Double), VarcharOf(4)), "row(double, varchar(4))"},
	} {
		for _, p := range [][2]Type{{c.a, c.b}, {c.b, c.a}} {
			if got, ok := Common(p[0], p[1]); !ok || got.String() != c.want {
				t.Errorf("Common(%s, %s) = %s %v, want %s", p[0], p[1], got, ok, c.want)
			}
		}
	}
	for _, p := range [][2]Type{{Of(Integer), VarcharOf(1)}, {Of(Date), Of(Boolean)}, {RowOf(Of(Integer)), RowOf(Of(Integer), Of(Integer))}} {
		if got, ok := Common(p[0], p[1]); ok {
			t.Errorf("Common(%s, %s) = %s", p[0], p[1], got)
		}
	}
}

func TestParseHive(t *testing.T) {
	for in, want := range map[string]string{
		"int": "integer", "decimal(10,2)": "decimal(10,2)", "array<struct<a:int,B:map<string,double>>>": "array(row(a integer, b map(varchar, double)))",
		"varchar(5)": "varchar(5)", "timestamp": "timestamp(3)",
	} {
		got, err := ParseHive(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseHive(%s) = %s %v, want %s", in, got, err, want)
			continue
		}
		if back, ok := got.Hive(); ok {
			if again, err := ParseHive(back); err != nil || !again.Equal(got) {
				t.Errorf("%s comes back as %s: %v", in, back, err)
			}
		}
	}
	for _, in := range []string{"", "nope", "array<int", "decimal(39,0)", "struct<a>", "int>"} {
		if got, err := ParseHive(in); err == nil {
			t.Errorf("ParseHive(%q) = %s", in, got)
		}
	}
}

func FuzzParseHive(f *testing.F) {
	f.Add("array<struct<a:int>>")
	f.Fuzz(func(t *testing.T, s string) { _, _ = ParseHive(s) })
}
