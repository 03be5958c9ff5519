package tabular

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CSV is what was found in a delimited text.
type CSV struct {
	Delimiter byte
	Header    bool
	Quoted    bool // quotes are used
	Columns   []Field
	Rows      int // rows seen, without the header
}

// CSVRules restrict what SniffCSV looks for; the zero value lets it find out everything.
type CSVRules struct {
	Delimiter byte     // 0 = find it among comma, pipe, tab, semicolon and Ctrl-A
	Quote     byte     // 0 = "
	Header    *bool    // nil = find out
	Names     []string // names of the columns; replace those of the header
	KeepSpace bool     // do not trim values
	OneColumn bool     // a single column is a table as well
}

var delimiters = []byte{',', '|', '\t', ';', 0x01}

// isColumnName reports whether a text is what Glue asks of a name in a header. (A regular expression with such counts takes
// milliseconds to compile, at the start of every process.)
func isColumnName(v string) bool {
	n := 0
	for _, r := range v {
		if n++; !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_ .-/()#%&$@:*+", r) {
			return false
		}
	}
	return n >= 1 && n <= 150
}

// ErrNotCSV reports a text that is no table of the kind that was looked for.
var ErrNotCSV = errors.New("text is not a delimited table")

// SniffCSV finds delimiter, header and types in the beginning of a text. complete says that the sample is the whole text:
// else its last line is left out, because it may be cut.
//
// The rules for headers are those of Glue's built-in classifier: the first row is a header when each of its fields can be
// a column's name and is a string, and some column below it is no string.
//
// Source: "Built-in CSV classifier" in the AWS Glue developer guide.
func SniffCSV(sample []byte, complete bool, rules CSVRules) (CSV, error) {
	sample = bytes.TrimPrefix(sample, []byte("\xef\xbb\xbf"))
	if !complete {
		i := bytes.LastIndexByte(sample, '\n')
		if i < 0 {
			return CSV{}, ErrNotCSV
		}
		sample = sample[:i+1]
	}
	if len(sample) == 0 || bytes.IndexByte(sample, 0) >= 0 || !utf8.Valid(sample) {
		return CSV{}, ErrNotCSV
	}
	var rows [][]string
	c := CSV{Delimiter: rules.Delimiter}
	if c.Delimiter != 0 {
		rows = readRows(sample, c.Delimiter, rules)
	} else {
		for _, d := range delimiters {
			if r := readRows(sample, d, rules); consistent(r) && (rows == nil || len(r[0]) > len(rows[0])) {
				rows, c.Delimiter = r, d
			}
		}
	}
	if len(rows) == 0 || len(rows[0]) < 2 && !rules.OneColumn && rules.Delimiter == 0 {
		return CSV{}, ErrNotCSV
	}
	c.Quoted = bytes.IndexByte(sample, quoteOf(rules)) >= 0
	c.decide(rows, rules)
	return c, nil
}

func quoteOf(r CSVRules) byte {
	if r.Quote != 0 {
		return r.Quote
	}
	return '"'
}

func readRows(sample []byte, delimiter byte, rules CSVRules) [][]string {
	if q := quoteOf(rules); q != '"' { // the reader knows " only
		sample = bytes.Map(func(r rune) rune {
			switch r {
			case rune(q):
				return '"'
			case '"':
				return rune(q)
			}
			return r
		}, sample)
	}
	r := csv.NewReader(bytes.NewReader(sample))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = rune(delimiter), true, -1, false
	var rows [][]string
	for len(rows) < 10_000 {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			continue
		}
		rows = append(rows, row)
	}
	return rows
}

// consistent reports whether nearly all rows have as many fields as the first, and at least two.
func consistent(rows [][]string) bool {
	if len(rows) == 0 || len(rows[0]) < 2 {
		return false
	}
	same := 0
	for _, r := range rows {
		if len(r) == len(rows[0]) {
			same++
		}
	}
	return same*10 >= len(rows)*9
}

// decide finds out whether the first row is a header, and the types of the columns.
func (c *CSV) decide(rows [][]string, rules CSVRules) {
	width := len(rows[0])
	first := typesOf(rows[:1], width, rules)
	below := typesOf(rows[1:], width, rules)
	if rules.Header != nil {
		c.Header = *rules.Header
	} else {
		c.Header = len(rows) >= 2 && nameable(rows[0], first) && len(rules.Names) == 0
		if c.Header {
			c.Header = false
			for _, t := range below {
				c.Header = c.Header || t.Base != "string" && t.Base != "null"
			}
		}
	}
	types := below
	if !c.Header {
		types = typesOf(rows, width, rules)
	}
	c.Rows = len(rows)
	if c.Header {
		c.Rows--
	}
	used := map[string]bool{}
	for i := range width {
		name := "col" + strconv.Itoa(i)
		switch {
		case i < len(rules.Names):
			name = rules.Names[i]
		case c.Header && strings.TrimSpace(rows[0][i]) != "":
			name = strings.ToLower(strings.TrimSpace(rows[0][i]))
		}
		for used[name] {
			name += "_" + strconv.Itoa(i)
		}
		used[name] = true
		c.Columns = append(c.Columns, Field{name, types[i]})
	}
}

// nameable reports whether a row can be a header: every field, but for the last one, which may be empty, is a string that
// can be a name.
func nameable(row []string, types []Type) bool {
	for i, v := range row {
		v = strings.TrimSpace(v)
		if v == "" && i == len(row)-1 {
			continue
		}
		if types[i].Base != "string" || !isColumnName(v) {
			return false
		}
	}
	return true
}

func typesOf(rows [][]string, width int, rules CSVRules) []Type {
	types := make([]Type, width)
	for i := range types {
		types[i] = Null
	}
	for _, r := range rows {
		for i := range min(width, len(r)) {
			v := r[i]
			if !rules.KeepSpace {
				v = strings.TrimSpace(v)
			}
			types[i] = Merge(types[i], typeOfText(v))
		}
	}
	for i := range types {
		if types[i].Base == "null" && len(rows) > 0 {
			types[i] = String
		}
	}
	return types
}

var (
	wholeNumber   = regexp.MustCompile(`^[+-]?[0-9]{1,19}$`)
	decimalNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)
)

// typeOfText is the type that a crawler gives to a value of a text file. Dates and times stay strings, as Glue has it.
func typeOfText(v string) Type {
	switch {
	case v == "":
		return Null
	case wholeNumber.MatchString(v):
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return Bigint
		}
		return Double
	case decimalNumber.MatchString(v):
		return Double
	case strings.EqualFold(v, "true") || strings.EqualFold(v, "false"):
		return Boolean
	}
	return String
}
