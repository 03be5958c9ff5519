package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the limit of queries and visual jobs
)

// rooms is what the tables of the benchmarks are grouped and partitioned by.
const rooms = 12

// csv is a table of n rows: id, room, value; with a header.
func csv(n int) []byte {
	var b strings.Builder
	b.Grow(n * 28)
	b.WriteString("id,room,v\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,room-%02d,%d\n", i, i%rooms, i*7919%100003)
	}
	return []byte(b.String())
}

const smallRows = 10000

// jobCSV is the input of the visual job, some 100 MiB.
var jobCSV = sync.OnceValue(func() []byte { return csv(4_600_000) })

const countRooms = "SELECT room, count(*) AS n, sum(v) AS total FROM %s GROUP BY room ORDER BY room"

func (c *client) athena(op string, in, out any) error {
	return c.json("athena", "1.1", "AmazonAthena."+op, in, out)
}

func (c *client) glue(op string, in, out any) error {
	return c.json("glue", "1.1", "AWSGlue."+op, in, out)
}

// table makes a database with one table of CSV.
func (s *server) table() error {
	b := csv(smallRows)
	if err := s.put("tables/rooms/rooms.csv", b, md5Of(b)); err != nil {
		return err
	}
	if err := s.glue("CreateDatabase", map[string]any{"DatabaseInput": map[string]any{"Name": "bench"}}, nil); err != nil {
		return err
	}
	column := func(name, kind string) map[string]string { return map[string]string{"Name": name, "Type": kind} }
	return s.glue("CreateTable", map[string]any{"DatabaseName": "bench", "TableInput": map[string]any{
		"Name": "rooms", "TableType": "EXTERNAL_TABLE", "Parameters": map[string]string{"classification": "csv", "skip.header.line.count": "1"},
		"StorageDescriptor": map[string]any{
			"Location":    "s3://" + bucket + "/tables/rooms/",
			"Columns":     []any{column("id", "bigint"), column("room", "string"), column("v", "bigint")},
			"InputFormat": "org.apache.hadoop.mapred.TextInputFormat", "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
			"SerdeInfo": map[string]any{
				"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": map[string]string{"field.delim": ","},
			},
		},
	}}, nil)
}

func athenaCSV(s *server, rep int, d time.Duration) (sample, error) {
	if rep == 0 {
		if err := s.table(); err != nil {
			return sample{}, err
		}
	}
	return load{workers: 1, time: d, op: func(int, int64) (int, error) {
		var id struct{ QueryExecutionId string }
		if err := s.athena("StartQueryExecution", map[string]any{
			"QueryString": fmt.Sprintf(countRooms, "bench.rooms"), "ResultConfiguration": map[string]string{"OutputLocation": "s3://" + bucket + "/results/"},
		}, &id); err != nil {
			return 0, err
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Microsecond) {
			var q struct {
				QueryExecution struct {
					Status struct{ State, StateChangeReason string }
				}
			}
			if err := s.athena("GetQueryExecution", id, &q); err != nil {
				return 0, err
			}
			switch st := q.QueryExecution.Status; {
			case st.State == "FAILED" || time.Now().After(deadline):
				return 0, fmt.Errorf("query %s: %s", st.State, st.StateChangeReason)
			case st.State != "SUCCEEDED":
				continue
			}
			break
		}
		var out struct{ ResultSet struct{ Rows []struct{} } }
		if err := s.athena("GetQueryResults", id, &out); err != nil {
			return 0, err
		}
		if len(out.ResultSet.Rows) != rooms+1 {
			return 0, fmt.Errorf("the query answered %d rows", len(out.ResultSet.Rows))
		}
		return 1, nil
	}}.run(s.cpu)
}

// duckdb opens DuckDB in this process, as plain as it comes, with two threads.
func duckdb() (*sql.DB, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec("SET threads = 2")
	return db, err
}

// duckQuery is the same statement over the same file.
func duckQuery(dir string, rep int, d time.Duration) (sample, error) {
	db, err := duckdb()
	if err != nil {
		return sample{}, err
	}
	defer db.Close()
	file := filepath.Join(dir, "rooms.csv")
	if err := os.WriteFile(file, csv(smallRows), 0o600); err != nil {
		return sample{}, err
	}
	return load{workers: 1, time: d, op: func(int, int64) (int, error) {
		rows, err := db.Query(fmt.Sprintf(countRooms, "read_csv('"+file+"')"))
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		n := 0
		for rows.Next() {
			n++
		}
		if n != rooms {
			return 0, fmt.Errorf("DuckDB answered %d rows", n)
		}
		return 1, rows.Err()
	}}.run(selfCPU)
}

// visualJob turns the CSV into Parquet, partitioned by room. A unit is a MiB of CSV.
func visualJob(s *server, rep int, _ time.Duration) (sample, error) {
	b := jobCSV()
	if rep == 0 {
		if err := s.put("job/in/rooms.csv", b, md5Of(b)); err != nil {
			return sample{}, err
		}
		if _, err := s.form("iam", url.Values{
			"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"jobs"},
			"AssumeRolePolicyDocument": {strings.ReplaceAll(trust, "lambda.amazonaws.com", "glue.amazonaws.com")},
		}); err != nil {
			return sample{}, err
		}
		if _, err := s.form("iam", url.Values{
			"Action": {"PutRolePolicy"}, "Version": {"2010-05-08"}, "RoleName": {"jobs"}, "PolicyName": {"all"},
			"PolicyDocument": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
		}); err != nil {
			return sample{}, err
		}
	}
	name, to := fmt.Sprint("job-", rep), func(path, kind string) map[string]any {
		return map[string]any{"FromPath": []string{path}, "FromType": "string", "ToKey": path, "ToType": kind}
	}
	if err := s.glue("CreateJob", map[string]any{
		"Name": name, "Role": "jobs", "GlueVersion": "4.0", "JobMode": "VISUAL", "Command": map[string]string{"Name": "glueetl", "ScriptLocation": "s3://" + bucket + "/job.py"},
		"CodeGenConfigurationNodes": map[string]any{
			"in": map[string]any{"S3CsvSource": map[string]any{
				"Name": "in", "Paths": []string{"s3://" + bucket + "/job/in/"}, "Separator": "comma", "QuoteChar": "quote", "WithHeader": true,
			}},
			"typed": map[string]any{"ApplyMapping": map[string]any{"Name": "typed", "Inputs": []string{"in"}, "Mapping": []any{to("id", "long"), to("room", "string"), to("v", "long")}}},
			"out": map[string]any{"S3GlueParquetTarget": map[string]any{
				"Name": "out", "Inputs": []string{"typed"}, "Path": fmt.Sprintf("s3://%s/job/out-%d/", bucket, rep), "PartitionKeys": [][]string{{"room"}}, "Compression": "snappy",
			}},
		},
	}, nil); err != nil {
		return sample{}, err
	}
	return load{workers: 1, calls: 1, op: func(int, int64) (int, error) {
		var id struct{ JobRunId string }
		if err := s.glue("StartJobRun", map[string]string{"JobName": name}, &id); err != nil {
			return 0, err
		}
		for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
			var run struct {
				JobRun struct{ JobRunState, ErrorMessage string }
			}
			if err := s.glue("GetJobRun", map[string]string{"JobName": name, "RunId": id.JobRunId}, &run); err != nil {
				return 0, err
			}
			switch st := run.JobRun.JobRunState; {
			case st == "SUCCEEDED":
				return len(b) >> 20, nil
			case st == "FAILED" || time.Now().After(deadline):
				return 0, fmt.Errorf("job %s: %s", st, run.JobRun.ErrorMessage)
			}
		}
	}}.run(s.cpu)
}

// duckJob is the same as one statement.
func duckJob(dir string, rep int, _ time.Duration) (sample, error) {
	b := jobCSV()
	file := filepath.Join(dir, "job.csv")
	if rep == 0 {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return sample{}, err
		}
	}
	db, err := duckdb()
	if err != nil {
		return sample{}, err
	}
	defer db.Close()
	return load{workers: 1, calls: 1, op: func(int, int64) (int, error) {
		_, err := db.ExecContext(context.Background(), fmt.Sprintf(`COPY (SELECT id::BIGINT AS id, room, v::BIGINT AS v FROM read_csv('%s', all_varchar = true))
			TO '%s' (FORMAT parquet, PARTITION_BY (room), COMPRESSION snappy)`, file, filepath.Join(dir, fmt.Sprint("job-", rep))))
		return len(b) >> 20, err
	}}.run(selfCPU)
}
