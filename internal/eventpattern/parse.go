package eventpattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// AWS reads patterns with Jackson, token by token, and ends a refusal with the place that it has come to: the next character that is
// not read yet. Behind the name of a field the token that follows is read already; of a string no more than its opening quotation
// mark, until its text is used.

// value is a JSON value of a pattern with its places in the text.
type value struct {
	kind    byte // { [ " 0 (a number) or n (null, true, false)
	scalar  any  // string, json.Number, bool or nil
	members []member
	items   []*value
	start   int // offset behind the value's first token; of a string behind its opening quotation mark
	end     int // offset behind the whole value
}

type member struct {
	name  string
	value *value
}

// parse reads the text of a pattern.
func parse(text string) (*value, error) {
	if _, err := jsonvalue.Parse(text); err != nil {
		var e *jsonvalue.SyntaxError
		if errors.As(err, &e) {
			return nil, invalid("%s\n at %s", e.Msg, place(text, e.Line, e.Col))
		}
		return nil, invalid("%v", err)
	}
	s := scanner{text: text}
	return s.value(), nil
}

// scanner walks through text that is known to be JSON.
type scanner struct {
	text string
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) value() *value {
	s.space()
	v := &value{kind: s.text[s.at]}
	begin := s.at
	s.at++
	v.start = s.at
	switch v.kind {
	case '{':
		for s.more('}') {
			name := s.value().scalar.(string)
			s.space()
			s.at++ // the colon
			v.members = append(v.members, member{name, s.value()})
		}
	case '[':
		for s.more(']') {
			v.items = append(v.items, s.value())
		}
	case '"':
		for s.text[s.at] != '"' {
			if s.text[s.at] == '\\' {
				s.at++
			}
			s.at++
		}
		s.at++
		var str string
		if json.Unmarshal([]byte(s.text[begin:s.at]), &str) != nil {
			str = s.text[begin+1 : s.at-1]
		}
		v.scalar = str
	default:
		for s.at < len(s.text) && strings.IndexByte(",]} \t\r\n", s.text[s.at]) < 0 {
			s.at++
		}
		v.start = s.at
		switch word := s.text[begin:s.at]; word {
		case "true", "false":
			v.kind, v.scalar = 'n', word == "true"
		case "null":
			v.kind = 'n'
		default:
			v.kind, v.scalar = '0', json.Number(word)
		}
	}
	v.end = s.at
	return v
}

// more goes to the next element of a list or object, or behind its end.
func (s *scanner) more(end byte) bool {
	s.space()
	if s.text[s.at] == ',' {
		s.at++
		s.space()
	}
	if s.text[s.at] == end {
		s.at++
		return false
	}
	return true
}

// refusal says what is wrong and where the reader had come to; at < 0 = AWS tells no place.
type refusal struct {
	text  string
	at    int
	twice bool // AWS tells the place twice
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

func refuse(at int, format string, args ...any) *refusal {
	return &refusal{text: fmt.Sprintf(format, args...), at: at}
}

// shown is how many characters of a pattern a refusal shows.
const shown = 500

// in words a refusal of a pattern.
func (r *refusal) in(text string) error {
	if r.at < 0 {
		return invalid("%s", r.text)
	}
	line := 1 + strings.Count(text[:r.at], "\n")
	col := 1 + len(utf16.Encode([]rune(text[strings.LastIndexByte(text[:r.at], '\n')+1:r.at])))
	where := "\n at " + place(text, line, col)
	if r.twice {
		where += where
	}
	return invalid("%s%s", r.text, where)
}

func place(text string, line, col int) string {
	cut := ""
	if units := utf16.Encode([]rune(text)); len(units) > shown {
		text, cut = string(utf16.Decode(units[:shown])), fmt.Sprintf("[truncated %d chars]", len(units)-shown)
	}
	return fmt.Sprintf("[Source: (String)\"%s\"%s; line: %d, column: %d]", text, cut, line, col)
}
