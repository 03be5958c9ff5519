package crawl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// settings are the parts of a crawler's Configuration document that Tarn knows.
type settings struct {
	inheritPartitions bool // partitions take their schema from the table
	mergeColumns      bool // columns that a table has are kept when a crawl does not see them
	combine           bool // one table for all that is compatible under a target
	tableLevel        int  // depth of the folders that are tables; bucket = 1; 0 = found out
}

// settings reads the Configuration document. Parts that are not known are refused by name: ErrBadInput.
//
// Source: "Setting crawler configuration options" in the AWS Glue developer guide.
func (c Config) settings() (settings, error) {
	if strings.TrimSpace(c.Configuration) == "" {
		return settings{}, nil
	}
	var doc struct {
		Version       float64
		CrawlerOutput struct {
			Partitions, Tables struct{ AddOrUpdateBehavior string }
		}
		Grouping struct {
			TableGroupingPolicy     string
			TableLevelConfiguration int
		}
		CreatePartitionIndex bool // Tarn finds partitions without an index
	}
	d := json.NewDecoder(bytes.NewReader([]byte(c.Configuration)))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return settings{}, fmt.Errorf("%w: crawler configuration: %w", ErrBadInput, err)
	}
	if doc.Version != 1 {
		return settings{}, fmt.Errorf("%w: crawler configuration: version %v: want 1.0", ErrBadInput, doc.Version)
	}
	out := settings{tableLevel: doc.Grouping.TableLevelConfiguration}
	for _, o := range []struct {
		name, got, want string
		flag            *bool
	}{
		{"CrawlerOutput.Partitions.AddOrUpdateBehavior", doc.CrawlerOutput.Partitions.AddOrUpdateBehavior, "InheritFromTable", &out.inheritPartitions},
		{"CrawlerOutput.Tables.AddOrUpdateBehavior", doc.CrawlerOutput.Tables.AddOrUpdateBehavior, "MergeNewColumns", &out.mergeColumns},
		{"Grouping.TableGroupingPolicy", doc.Grouping.TableGroupingPolicy, "CombineCompatibleSchemas", &out.combine},
	} {
		switch o.got {
		case "":
		case o.want:
			*o.flag = true
		default:
			return settings{}, fmt.Errorf("%w: crawler configuration: %s is %q: want %s", ErrBadInput, o.name, o.got, o.want)
		}
	}
	if out.tableLevel < 0 {
		return settings{}, fmt.Errorf("%w: crawler configuration: TableLevelConfiguration %d: want 1 or more", ErrBadInput, out.tableLevel)
	}
	return out, nil
}

// compileGlob turns an exclusion pattern into an expression over a key relative to its target: * and ? stay in one
// folder, ** crosses folders, [ ] and { } choose.
//
// Source: "Include and exclude patterns" in the AWS Glue developer guide.
func compileGlob(p string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString("^")
	braces := 0
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '*':
			if i+1 < len(p) && p[i+1] == '*' {
				i++
				b.WriteString(".*")
			} else {
				b.WriteString("[^/]*")
			}
		case '?':
			b.WriteString("[^/]")
		case '[':
			end := strings.IndexByte(p[i:], ']')
			if end < 0 {
				return nil, fmt.Errorf("the [ at %d has no ]", i)
			}
			class := p[i+1 : i+end]
			class = strings.ReplaceAll(class, `\`, `\\`)
			if strings.HasPrefix(class, "!") {
				class = "^" + class[1:]
			}
			b.WriteString("[" + class + "]")
			i += end
		case '{':
			braces++
			b.WriteString("(?:")
		case '}':
			if braces == 0 {
				b.WriteString(`\}`)
				continue
			}
			braces--
			b.WriteString(")")
		case ',':
			if braces > 0 {
				b.WriteString("|")
			} else {
				b.WriteString(",")
			}
		case '\\':
			if i+1 < len(p) {
				i++
				b.WriteString(regexp.QuoteMeta(p[i : i+1]))
			}
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	if braces > 0 {
		return nil, fmt.Errorf("a { has no }")
	}
	b.WriteString("$")
	return regexp.Compile(b.String())
}
