package query

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// bucketKey names the folders that a worker writes buckets to: no column has a point in its name.
const bucketKey = "tarn.bucket"

const maxBuckets = 10_000

// bucketed reads the properties bucketed_by and bucket_count.
func (o *output) bucketed(by, count string) error {
	bad := func(format string, args ...any) error { return badProjection(format, args...) }
	switch {
	case by == "" && count == "":
		return nil
	case by == "":
		return bad("Must specify 'bucketed_by' when 'bucket_count' is given")
	case count == "":
		return bad("Must specify 'bucket_count' when 'bucketed_by' is given")
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxBuckets {
		return bad("bucket_count must be a whole number between 1 and %d: %s", maxBuckets, count)
	}
	o.buckets = n
	for name := range strings.SplitSeq(by, ",") {
		found := -1
		for i, c := range o.columns[:len(o.columns)-o.keys] {
			if strings.EqualFold(strings.TrimSpace(name), c.Name) {
				found = i
			}
		}
		if found < 0 {
			return bad("Bucketing columns [%s] not present in schema", strings.TrimSpace(name))
		}
		o.bucketBy = append(o.bucketBy, found)
	}
	return nil
}

// bucketSQL is the number of a row's bucket, with five digits, and adds the function that it calls to the plan.
func bucketSQL(plan *sqlfront.Plan, out output) (string, error) {
	sig := scalar.Signature{Result: types.Of(types.Integer)}
	f := duck.Function{Name: "hive_hash", Impl: "$hive_hash", Result: sqlfront.Repr(sig.Result), CallOnNull: true}
	var args []string
	for _, i := range out.bucketBy {
		t := out.columns[i].Type
		sig.Args, f.Args = append(sig.Args, t), append(f.Args, sqlfront.Repr(t))
		args = append(args, "q.c"+strconv.Itoa(i))
	}
	if _, _, ok := scalar.Supports(f.Impl, sig); !ok {
		return "", refused("bucketing by columns of the types %v is not supported", sig.Args)
	}
	f.Params = []string{scalar.EncodeSignature(sig)}
	plan.Functions = append(plan.Functions, f)
	return "printf('%05d', (hive_hash(" + strings.Join(args, ", ") + ") & 2147483647) % " + strconv.Itoa(out.buckets) + ")", nil
}
