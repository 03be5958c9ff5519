package workflow

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// itemFiles reads items from files of the object store, one file at a time.
type itemFiles struct {
	engine *Engine
	role   FileRole
	spec   *asl.ItemReader
	body   Body // the file that is read; nil = none
}

func (f *itemFiles) close() {
	if f.body != nil {
		_ = f.body.Close() // it was only read
		f.body = nil
	}
}

// open opens a file of items in place of the one before it. Files that end with .gz are unpacked.
func (f *itemFiles) open(ctx context.Context, spec *asl.ItemReader, bucket, key, version string) (func(context.Context) (any, error), error) {
	f.close()
	get := f.engine.files.Get
	if spec.InputType == "PARQUET" {
		get = f.engine.files.Rows
	}
	body, fail := get(ctx, f.role, bucket, key, version)
	if fail != nil {
		return nil, &taskFailure{&TaskError{Error: asl.ErrItemReader, Cause: fail.Cause}}
	}
	f.body = body
	var r io.Reader = body
	if strings.HasSuffix(key, ".gz") && spec.InputType != "PARQUET" {
		z, err := gzip.NewReader(bufio.NewReaderSize(body, 64<<10))
		if err != nil {
			return nil, fmt.Errorf("The file s3://%s/%s is not in gzip format: %w", bucket, key, err)
		}
		r = z
	}
	m := &meteredFile{Reader: r}
	m.item()
	var read func(context.Context) (any, error)
	var err error
	switch spec.InputType {
	case "CSV":
		read, err = csvReader(spec, m)
	case "JSON":
		read, err = jsonReader(spec, m)
	case "JSONL", "PARQUET": // rows come as JSON lines
		read = jsonLines(m)
	default:
		err = fmt.Errorf("items of type %s are not supported by Tarn", spec.InputType)
	}
	return func(ctx context.Context) (any, error) {
		m.item()
		return read(ctx)
	}, err
}

// maxItem is how many bytes of a file an item may take: far more than a child's input can have.
const maxItem = 16 << 20

// meteredFile refuses to read on in an item that is larger than maxItem, before the memory is full of it.
type meteredFile struct {
	io.Reader
	left int
}

// item begins the next item.
func (m *meteredFile) item() { m.left = maxItem }

func (m *meteredFile) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, fmt.Errorf("The file has an item of more than %d bytes.", maxItem)
	}
	n, err := m.Reader.Read(p)
	m.left -= n
	return n, err
}

// nextFile names the next file of a list, or returns io.EOF.
type nextFile func(ctx context.Context) (bucket, key string, err error)

// chain reads files one after the other.
func (f *itemFiles) chain(spec *asl.ItemReader, next nextFile) func(context.Context) (any, error) {
	var read func(context.Context) (any, error)
	return func(ctx context.Context) (any, error) {
		for {
			if read == nil {
				bucket, key, err := next(ctx)
				if err != nil {
					return nil, err
				}
				if read, err = f.open(ctx, spec, bucket, key, ""); err != nil {
					return nil, err
				}
			}
			v, err := read(ctx)
			if !errors.Is(err, io.EOF) {
				return v, err
			}
			read = nil
		}
	}
}

// listed names the objects that list yields; markers of folders are left out.
func listed(bucket string, list func(context.Context) (any, error)) nextFile {
	return func(ctx context.Context) (string, string, error) {
		for {
			v, err := list(ctx)
			if err != nil {
				return "", "", err
			}
			o, _ := v.(*jsonvalue.Object)
			if key := o.Str("Key"); !strings.HasSuffix(key, "/") {
				return bucket, key, nil
			}
		}
	}
}

// manifest reads what a manifest lists: that of an S3 Inventory, or the files that UNLOAD wrote in Athena.
func (f *itemFiles) manifest(ctx context.Context, params *jsonvalue.Object) (func(context.Context) (any, error), error) {
	body, fail := f.engine.files.Get(ctx, f.role, params.Str("Bucket"), params.Str("Key"), params.Str("VersionId"))
	if fail != nil {
		return nil, &taskFailure{&TaskError{Error: asl.ErrItemReader, Cause: fail.Cause}}
	}
	defer func() { _ = body.Close() }() // it was only read
	if f.spec.Manifest == "ATHENA_DATA" {
		return f.unloaded(body)
	}
	return f.inventory(body)
}

// maxManifest is how large the manifest of an UNLOAD may be: some 600,000 files.
const maxManifest = 64 << 20

// unloaded reads the files whose addresses stand in the manifest of UNLOAD, one a line.
func (f *itemFiles) unloaded(body io.Reader) (func(context.Context) (any, error), error) {
	text, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("The manifest is larger than %d bytes.", maxManifest)
	}
	var files [][2]string
	for line := range strings.Lines(string(text)) {
		address := strings.Trim(strings.TrimSpace(line), `"`)
		bucket, key, ok := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
		switch {
		case address == "":
		case !ok || !strings.HasPrefix(address, "s3://"):
			return nil, fmt.Errorf("The manifest has the line %.100q: want s3://BUCKET/KEY.", address)
		default:
			files = append(files, [2]string{bucket, key})
		}
	}
	return f.chain(f.spec, func(context.Context) (string, string, error) {
		if len(files) == 0 {
			return "", "", io.EOF
		}
		next := files[0]
		files = files[1:]
		return next[0], next[1], nil
	}), nil
}

// inventory reads the files that the manifest of an S3 Inventory lists.
func (f *itemFiles) inventory(body io.Reader) (func(context.Context) (any, error), error) {
	var m struct {
		DestinationBucket string `json:"destinationBucket"`
		FileFormat        string `json:"fileFormat"`
		FileSchema        string `json:"fileSchema"`
		Files             []struct {
			Key string `json:"key"`
		} `json:"files"`
	}
	if err := json.NewDecoder(body).Decode(&m); err != nil {
		return nil, fmt.Errorf("The manifest is not valid JSON: %w", err)
	}
	spec := &asl.ItemReader{InputType: "PARQUET"}
	switch {
	case strings.EqualFold(m.FileFormat, "Parquet"):
	case strings.EqualFold(m.FileFormat, "CSV"):
		spec = &asl.ItemReader{InputType: "CSV", HeaderLoc: "GIVEN", Headers: strings.Split(m.FileSchema, ",")}
		for i := range spec.Headers {
			spec.Headers[i] = strings.TrimSpace(spec.Headers[i])
		}
	default:
		return nil, fmt.Errorf("Manifests of the format %q are not supported; CSV and Parquet are.", m.FileFormat)
	}
	bucket := m.DestinationBucket[strings.LastIndexByte(m.DestinationBucket, ':')+1:]
	next := 0
	return f.chain(spec, func(context.Context) (string, string, error) {
		if next == len(m.Files) {
			return "", "", io.EOF
		}
		next++
		return bucket, m.Files[next-1].Key, nil
	}), nil
}
