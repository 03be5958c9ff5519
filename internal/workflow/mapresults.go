package workflow

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

func decode(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}

// uint64From reads the last element of a key that ends with an unsigned integer.
func uint64From(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }

// children yields the children of a map run in the order of their items.
func (r *mapRunner) children(ctx context.Context, yield func(index int, c *child) error) error {
	prefix := childKey(r.info.ARN, 0)
	prefix = prefix[:len(prefix)-9]
	for it, err := range r.engine.store.Scan(ctx, kv.Range{Lo: prefix, Hi: prefix.End()}) {
		if err != nil {
			return fmt.Errorf("scan map run: %w", err)
		}
		var c child
		if err := decode(it.Value, &c); err != nil {
			return err
		}
		if err := yield(int(uint64From(it.Key)), &c); err != nil {
			return err
		}
	}
	return nil
}

var errTooLarge = fmt.Errorf("results exceed %d bytes", asl.MaxPayload)

// collect makes the output of a map run that succeeded.
func (r *mapRunner) collect(ctx context.Context) (string, *TaskError) {
	if w := r.start.State.Map.Writer; w != nil && w.Resource != "" {
		return r.write(ctx, w)
	}
	var b strings.Builder
	b.WriteByte('[')
	err := r.children(ctx, func(_ int, c *child) error {
		if c.Status != interp.Succeeded {
			return nil
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(c.Output)
		if b.Len() > asl.MaxPayload {
			return errTooLarge
		}
		return nil
	})
	if err == errTooLarge {
		return "", &TaskError{Error: asl.ErrDataLimit, Cause: fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", r.start.State.Name)}
	}
	if err != nil {
		return "", &TaskError{Error: asl.ErrRuntime, Cause: err.Error()}
	}
	b.WriteByte(']')
	r.mu.Lock()
	r.info.Counts.Written, r.info.Items.Written = r.info.Counts.Succeeded, r.info.Items.Succeeded
	r.mu.Unlock()
	return b.String(), nil
}

// maxResultFile is how large a file of results grows before the next one is begun.
const maxResultFile = 64 << 20

// write exports the results of the children as files, with a manifest that lists them.
func (r *mapRunner) write(ctx context.Context, w *asl.ResultWriter) (string, *TaskError) {
	bad := func(cause string) (string, *TaskError) {
		return "", &TaskError{Error: asl.ErrResultWriter, Cause: cause}
	}
	params, _ := r.start.Writer.(*jsonvalue.Object)
	if params == nil || params.Str("Bucket") == "" {
		return bad("The parameter 'Bucket' of the ResultWriter is missing.")
	}
	if r.engine.files == nil {
		return bad("No object store can be reached.")
	}
	bucket, id := params.Str("Bucket"), r.info.ARN[strings.LastIndexByte(r.info.ARN, ':')+1:]
	prefix := strings.TrimSuffix(params.Str("Prefix"), "/")
	if prefix != "" {
		prefix += "/"
	}
	prefix += id + "/"
	role := FileRole{r.x.rec.Scope, r.x.rec.RoleARN, r.x.rec.ARN}
	files := map[string][]any{"SUCCEEDED": {}, "FAILED": {}, "PENDING": {}}
	parts := map[string]*strings.Builder{}
	var failed *TaskError
	flush := func(status string) {
		p := parts[status]
		if p == nil || p.Len() == 0 || failed != nil {
			return
		}
		key := fmt.Sprintf("%s%s_%d.json", prefix, status, len(files[status]))
		body := "[" + p.String() + "]"
		if w.OutputType == "JSONL" {
			body = p.String() + "\n"
			key += "l"
		}
		if failed = r.engine.files.Put(ctx, role, bucket, key, []byte(body)); failed != nil {
			return
		}
		files[status] = append(files[status], jsonvalue.NewObject("Key", key, "Size", jsonvalue.Int(int64(len(body)))))
		p.Reset()
	}
	err := r.children(ctx, func(_ int, c *child) error {
		status := "FAILED"
		if c.Status == interp.Succeeded {
			status = "SUCCEEDED"
		}
		p := parts[status]
		if p == nil {
			p = &strings.Builder{}
			parts[status] = p
		}
		if p.Len() > 0 {
			p.WriteByte(map[bool]byte{true: '\n', false: ','}[w.OutputType == "JSONL"])
		}
		text := r.childResult(ctx, c, w.Transformation)
		p.WriteString(text)
		if p.Len() > maxResultFile {
			flush(status)
		}
		return nil
	})
	if err != nil {
		return bad(err.Error())
	}
	for status := range files {
		flush(status)
	}
	if failed != nil {
		return bad(failed.Cause)
	}
	manifest := jsonvalue.NewObject("DestinationBucket", bucket, "MapRunArn", r.info.ARN,
		"ResultFiles", jsonvalue.NewObject("FAILED", files["FAILED"], "PENDING", files["PENDING"], "SUCCEEDED", files["SUCCEEDED"]))
	key := prefix + "manifest.json"
	if f := r.engine.files.Put(ctx, role, bucket, key, []byte(jsonvalue.Marshal(manifest))); f != nil {
		return bad(f.Cause)
	}
	r.mu.Lock()
	r.info.Counts.Written, r.info.Items.Written = r.info.Counts.Succeeded+r.info.Counts.Failed, r.info.Items.Succeeded+r.info.Items.Failed
	r.mu.Unlock()
	return jsonvalue.Marshal(jsonvalue.NewObject("MapRunArn", r.info.ARN, "ResultWriterDetails", jsonvalue.NewObject("Bucket", bucket, "Key", key))), nil
}

// childResult is an entry of a file of results.
func (r *mapRunner) childResult(ctx context.Context, c *child, transformation string) string {
	if transformation == "COMPACT" || transformation == "FLATTEN" {
		if transformation == "FLATTEN" && strings.HasPrefix(c.Output, "[") {
			if inner := strings.TrimSuffix(strings.TrimPrefix(c.Output, "["), "]"); strings.TrimSpace(inner) != "" {
				return inner
			}
		}
		return c.Output
	}
	input := c.Input
	if input == "" {
		if rec, err := r.engine.Execution(ctx, c.ARN); err == nil {
			input = rec.Input
		}
	}
	included := jsonvalue.NewObject("Included", true)
	o := jsonvalue.NewObject("ExecutionArn", c.ARN, "Input", input, "InputDetails", included, "Name", c.Name)
	if c.Status == interp.Succeeded {
		o.Set("Output", c.Output)
		o.Set("OutputDetails", included)
	}
	if c.Error != nil {
		o.Set("Error", *c.Error)
	}
	if c.Cause != nil {
		o.Set("Cause", *c.Cause)
	}
	const layout = "2006-01-02T15:04:05.000Z"
	o.Set("RedriveCount", jsonvalue.Int(int64(c.Redrives)))
	o.Set("RedriveStatus", "NOT_REDRIVABLE")
	o.Set("StartDate", c.Start.UTC().Format(layout))
	o.Set("StateMachineArn", c.MachineARN)
	o.Set("Status", string(c.Status))
	o.Set("StopDate", c.Stop.UTC().Format(layout))
	return jsonvalue.Marshal(o)
}
