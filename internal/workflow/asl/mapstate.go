package asl

import (
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// mapState reads the fields of a Map state.
func (x stateReader) mapState(s *State, outer Language, depth int) {
	m := &MapSpec{}
	s.Map = m
	key := "ItemProcessor"
	if !x.o.Has(key) && x.o.Has("Iterator") {
		key = "Iterator"
	}
	if !x.o.Has(key) {
		x.d.fail(x.loc, "These fields are required: [ItemProcessor]")
	}
	if p, ok := x.child(key); ok {
		x.processor(m, p)
		m.Processor = x.d.machine(p.o, p.loc, outer, depth+1)
	}
	m.ItemsPath = x.pathField("ItemsPath")
	if v, ok := x.o.Get("Items"); ok && x.lang == JSONata {
		m.Items = x.compile(v, x.at("Items"), "Items")
		if m.Items.IsConstant() {
			switch v.(type) {
			case []any, *jsonvalue.Object:
			default:
				x.d.fail(x.at("Items"), "Expected value of type Array or a JSONata expression")
			}
		}
	}
	if m.Selector = x.objectTemplate("ItemSelector"); m.Selector == nil {
		m.Selector = x.objectTemplate("Parameters")
	}
	m.MaxConcurrency = x.numberField(x.object, "MaxConcurrency", 0, 99999999, true)
	m.TolerateCount = x.numberField(x.object, "ToleratedFailureCount", 0, 99999999, true)
	m.TolerateShare = x.numberField(x.object, "ToleratedFailurePercentage", 0, 100, false)
	m.Label = x.str("Label")
	if x.o.Has("Label") {
		x.label(m.Label)
	}
	x.reader(m)
	if b, ok := x.child("ItemBatcher"); ok {
		m.Batcher = &ItemBatcher{MaxItems: x.numberField(b, "MaxItemsPerBatch", 1, 99999999, true), MaxBytes: x.numberField(b, "MaxInputBytesPerBatch", 1, MaxPayload, true)}
		b.only(set("BatchInput MaxItemsPerBatch MaxItemsPerBatchPath MaxInputBytesPerBatch MaxInputBytesPerBatchPath"))
		if v, ok := b.o.Get("BatchInput"); ok {
			m.Batcher.Input = x.compile(v, b.at("BatchInput"), "ItemBatcher/BatchInput")
		}
		if m.Batcher.MaxItems == nil && m.Batcher.MaxBytes == nil {
			x.d.fail(b.loc, "One of these fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]")
		}
	}
	x.writer(m)
}

func (x stateReader) processor(m *MapSpec, p object) {
	c, ok := p.child("ProcessorConfig")
	if !ok {
		return
	}
	c.only(set("Mode ExecutionType"))
	m.Distributed = c.oneOf("Mode", "INLINE", "DISTRIBUTED") == "DISTRIBUTED"
	typ := c.oneOf("ExecutionType", "STANDARD", "EXPRESS")
	m.Express = typ == "EXPRESS"
	if m.Distributed && typ == "" {
		x.d.fail(c.loc, "These fields are required: [ExecutionType]")
	}
	if m.Distributed && x.d.opts.Express {
		x.d.fail(x.loc, "Express state machine does not support distributed Map states")
	}
}

func (x stateReader) label(label string) {
	where := x.at("Label")
	switch n := len([]rune(label)); {
	case n == 0:
		x.d.report(SeverityError, CodeLabel, where, "Label cannot be empty")
	case n > 40:
		x.d.report(SeverityError, CodeLabel, where, "Label cannot exceed 40 characters")
	case strings.ContainsAny(label, " \t\n\r?*<>{}[]:;,\\|^~$#%&`\"") || strings.ContainsFunc(label, func(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }):
		x.d.report(SeverityError, CodeLabel, where, "Label contains invalid characters: %s", label)
	case x.d.labels[label]:
		x.d.report(SeverityError, CodeSameLabel, where, "Duplicate Label: %s", label)
	}
	x.d.labels[label] = true
}

func (x stateReader) reader(m *MapSpec) {
	r, ok := x.child("ItemReader")
	if !ok {
		return
	}
	if !m.Distributed {
		x.d.fail(r.loc, "Field is only supported in distributed mode")
	}
	r.require("Resource")
	out := &ItemReader{Resource: r.str("Resource")}
	field := "Parameters"
	if x.lang == JSONata {
		field = "Arguments"
	}
	r.only(set("Comment Resource ReaderConfig " + field))
	if v, ok := r.o.Get(field); ok {
		out.Parameters = x.compile(v, r.at(field), "ItemReader/"+field)
	}
	switch out.Resource {
	case "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2":
	default:
		x.d.fail(r.at("Resource"), "The field 'Resource' should have one of these values: [arn:aws:states:::s3:getObject, arn:aws:states:::s3:listObjectsV2]")
	}
	if c, ok := r.child("ReaderConfig"); ok {
		c.only(set("InputType Transformation CSVHeaderLocation CSVHeaders CSVDelimiter MaxItems MaxItemsPath ItemsPointer ManifestType"))
		out.InputType = c.oneOf("InputType", "CSV", "JSON", "JSONL", "MANIFEST", "PARQUET")
		out.Transform = c.oneOf("Transformation", "NONE", "LOAD_AND_FLATTEN")
		out.HeaderLoc = c.oneOf("CSVHeaderLocation", "FIRST_ROW", "GIVEN")
		out.Delimiter = c.oneOf("CSVDelimiter", "COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")
		out.Manifest = c.oneOf("ManifestType", "ATHENA_DATA", "S3_INVENTORY")
		out.Pointer = c.str("ItemsPointer")
		if c.o.Has("CSVHeaders") {
			out.Headers = c.strings("CSVHeaders")
		}
		if out.HeaderLoc == "GIVEN" && len(out.Headers) == 0 {
			x.d.fail(c.loc, "These fields are required: [CSVHeaders]")
		}
		if out.InputType == "CSV" && out.HeaderLoc == "" {
			x.d.fail(c.loc, "These fields are required: [CSVHeaderLocation]")
		}
		out.MaxItems = x.numberField(c, "MaxItems", 0, 100_000_000, true)
	}
	if out.InputType == "" && out.Resource == "arn:aws:states:::s3:getObject" {
		x.d.fail(r.loc, "These fields are required: [ReaderConfig]")
	}
	m.Reader = out
}

func (x stateReader) writer(m *MapSpec) {
	w, ok := x.child("ResultWriter")
	if !ok {
		return
	}
	if !m.Distributed {
		x.d.fail(w.loc, "Field is only supported in distributed mode")
	}
	field := "Parameters"
	if x.lang == JSONata {
		field = "Arguments"
	}
	w.only(set("Comment Resource WriterConfig " + field))
	out := &ResultWriter{Resource: w.str("Resource")}
	if v, ok := w.o.Get(field); ok {
		out.Parameters = x.compile(v, w.at(field), "ResultWriter/"+field)
	}
	if w.o.Has("Resource") && out.Resource != "arn:aws:states:::s3:putObject" {
		x.d.fail(w.at("Resource"), "The field 'Resource' should have one of these values: [arn:aws:states:::s3:putObject]")
	}
	if c, ok := w.child("WriterConfig"); ok {
		c.only(set("Transformation OutputType"))
		out.Transformation = c.oneOf("Transformation", "NONE", "COMPACT", "FLATTEN")
		out.OutputType = c.oneOf("OutputType", "JSON", "JSONL")
	}
	m.Writer = out
}
