package query

import (
	"strings"
	"testing"
	"time"
)

func TestProjection(t *testing.T) {
	v := newEnv(t)
	for _, k := range []string{"eu/2024/01/30/a", "eu/2024/01/31/a", "us/2024/02/01/a", "as/2024/02/01/a", "us/2024/03/01/a"} {
		v.put("logs/"+k, k[:2]+k[8:10]+"\n")
	}
	table := func(name, keys, location string, props ...string) {
		v.exec("CREATE EXTERNAL TABLE " + name + " (v string) PARTITIONED BY (" + keys + ") ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION '" + location +
			"' TBLPROPERTIES ('projection.enabled' = 'true', " + strings.Join(props, ", ") + ")")
	}
	table("logs", "zone string, day string", "s3://lake/logs/", "'projection.zone.type' = 'enum'", "'projection.zone.values' = 'eu, us'",
		"'projection.day.type' = 'date'", "'projection.day.range' = '2024/01/01,2024/02/29'", "'projection.day.format' = 'yyyy/MM/dd'",
		"'storage.location.template' = 's3://lake/logs/${zone}/${day}/'")
	v.check("SELECT v, zone, day FROM logs ORDER BY 1", "eu01|eu|2024/01/30", "eu01|eu|2024/01/31", "us02|us|2024/02/01")
	if x := v.exec("SELECT v FROM logs WHERE zone = 'eu' AND day > '2024/01/30'"); x.InputFiles != 1 {
		t.Errorf("%d files were read, want 1", x.InputFiles)
	}
	v.check("SELECT * FROM logs WHERE zone = 'as'")

	table("dated", "zone string, day date", "s3://lake/logs/", "'projection.zone.type' = 'injected'",
		"'projection.day.type' = 'date'", "'projection.day.range' = '2024/01/01,NOW'", "'projection.day.format' = 'yyyy/MM/dd'",
		"'storage.location.template' = 's3://lake/logs/${zone}/${day}/'")
	v.check("SELECT v, day FROM dated WHERE zone IN ('as', 'us') AND day < DATE '2024-03-01' ORDER BY 1", "as02|2024-02-01", "us02|2024-02-01")
	v.fails("SELECT v FROM dated WHERE zone > 'a'", "CONSTRAINT_VIOLATION: For the injected projected partition column zone, the WHERE clause must contain only static equality conditions")
	v.fails("SELECT v FROM dated", "CONSTRAINT_VIOLATION")
	v.fails("INSERT INTO dated SELECT 'x', 'eu', DATE '2024-01-01'", "storage.location.template")

	v.put("n/n=007/a", "x\n")
	v.put("n/n=009/a", "y\n")
	v.put("n/n=010/a", "z\n")
	number := []string{"'projection.n.type' = 'integer'", "'projection.n.range' = '1,1000000000000'", "'projection.n.interval' = '2'", "'projection.n.digits' = '3'"}
	table("n", "n int", "s3://lake/n/", number...)
	v.check("SELECT v, n FROM n WHERE n IN (7, 9, 10, 9)", "x|7", "y|9")
	table("s", "n string", "s3://lake/n", number...)
	v.check("SELECT v, n FROM s WHERE n = '007'", "x|007")
	v.check("SELECT v, n FROM s WHERE n = '7'")

	for _, c := range []struct{ key, props, want string }{
		{"k string", "'a' = 'b'", "Table db.bad is configured for partition projection, but the following partition columns are missing projection configuration: [k]"},
		{"k string", "'projection.k.type' = 'list'", "Type 'list' is not known"},
		{"k string", "'projection.k.type' = 'enum'", "Missing required property: 'projection.k.values'"},
		{"k double", "'projection.k.type' = 'enum', 'projection.k.values' = '1'", "Unsupported column type: double"},
		{"k int", "'projection.k.type' = 'integer', 'projection.k.range' = '1'", "must be a comma separated pair: '1'"},
		{"k int", "'projection.k.type' = 'integer', 'projection.k.range' = '1,x'", "must be two whole numbers: '1,x'"},
		{"k int", "'projection.k.type' = 'integer', 'projection.k.range' = '1,9', 'projection.k.interval' = '0'", "must be a whole number above 0: '0'"},
		{"k string", "'projection.k.type' = 'date', 'projection.k.range' = '2024,2025', 'projection.k.format' = 'yyyy-MM'", "must be two dates of the form 'yyyy-MM'"},
		{"k string", "'projection.k.type' = 'date', 'projection.k.range' = 'NOW-1DAY,NOW', 'projection.k.format' = 'yyyy-MM-dd-HH'", "'projection.k.interval.unit' needs to be set"},
		{"k string", "'projection.k.type' = 'date', 'projection.k.range' = 'NOW-1DAY,NOW', 'projection.k.format' = 'yyyy-QQ'", "has letters that are not supported: 'QQ'"},
		{"k string", "'projection.k.type' = 'enum', 'projection.k.values' = '1', 'storage.location.template' = 's3://lake/n/'", "does not contain ${k}"},
	} {
		table("bad", c.key, "s3://lake/n/", c.props)
		v.fails("SELECT v FROM bad", "INVALID_TABLE_PROPERTY: ")
		v.fails("SELECT v FROM bad", c.want)
		v.exec("DROP TABLE bad")
	}
}

func TestProjectedDates(t *testing.T) {
	now := time.Date(2024, 3, 31, 10, 59, 30, 0, time.UTC)
	for _, c := range []struct{ format, bounds, unit, step, want string }{
		{"yyyy-MM", "NOW-2MONTHS,NOW", "", "", "2024-01 2024-02 2024-03"},
		{"yyyyMMddHH", "NOW-2HOURS, NOW", "HOURS", "", "2024033108 2024033109 2024033110"},
		{"yyyy", "2020,NOW", "YEARS", "2", "2020 2022 2024"},
		{"'y='yyyy'/d='dd", "y=2024/d=01,y=2024/d=03", "DAYS", "1", "y=2024/d=01 y=2024/d=02 y=2024/d=03"},
		{"yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-01-01T00:00:00.000,2024-01-01T00:00:00.500", "MILLIS", "250", "2024-01-01T00:00:00.000 2024-01-01T00:00:00.250 2024-01-01T00:00:00.500"},
		{"yyyy/MMM/d", "NOW-1WEEK,NOW+1DAY", "WEEKS", "1", "2024/Mar/24 2024/Mar/31"},
	} {
		k := &projectedKey{name: "k", typ: varchar, props: map[string]string{"projection.k.format": c.format, "projection.k.range": c.bounds, "projection.k.interval.unit": c.unit, "projection.k.interval": c.step}}
		all, err := k.dates(now)
		if err != nil {
			t.Errorf("%s: %v", c.format, err)
			continue
		}
		var got []string
		for v := range all {
			got = append(got, v.value)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.format, s, c.want)
		}
	}
}

func TestQuotedNames(t *testing.T) {
	v := newEnv(t)
	v.put("q/a", "1\n")
	v.exec("CREATE EXTERNAL TABLE `db.q`(`a` int) LOCATION 's3://lake/q/'")
	v.check("SELECT a FROM db.q", "1")
	v.check("DESCRIBE `db.q`", "a|int|")
	id, err := v.engine.Start(t.Context(), scope, StartRequest{Text: "SHOW CREATE TABLE `q`", Database: "`db`", OutputLocation: "s3://lake/results/"})
	if err != nil {
		t.Fatal(err)
	}
	if x := v.ended(id); x.State != Succeeded {
		t.Errorf("%s: %s", x.State, x.Reason)
	}
}
