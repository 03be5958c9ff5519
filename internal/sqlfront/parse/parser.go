// Package parse reads Athena's two languages, Trino's SELECT and Hive's DDL, into trees whose nodes know their line and
// column. Errors are worded and placed as Trino's parser does.
package parse

import (
	"fmt"
	"strconv"
	"strings"
)

// Error is a syntax error.
type Error struct {
	Pos
	Message string
}

// Error implements error: "line 1:8: mismatched input 'FROM'. Expecting: <expression>".
func (e *Error) Error() string { return fmt.Sprintf("line %d:%d: %s", e.Line, e.Col, e.Message) }

// maxDepth bounds the nesting of a statement.
const maxDepth = 400

type parser struct {
	src    string
	toks   []token
	i      int
	depth  int
	params int
}

// ParseQuery reads a query: SELECT, VALUES, TABLE, WITH or a query in brackets. One semicolon may end it.
func ParseQuery(src string) (*Query, error) {
	var q *Query
	err := run(src, false, Pos{1, 1}, func(p *parser) {
		q = p.query()
		if is(p.tok(), ";") && p.peek(1).kind == eof {
			p.i++
		}
		p.expectEOF()
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// ParseExpression reads one expression of Trino's SQL.
func ParseExpression(src string) (*Expr, error) {
	var e *Expr
	err := run(src, false, Pos{1, 1}, func(p *parser) {
		e = p.expr()
		p.expectEOF()
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func run(src string, hive bool, at Pos, f func(*parser)) (err error) {
	p := &parser{src: src, toks: lex(src, hive, at)}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	f(p)
	return nil
}

func (p *parser) tok() token { return p.toks[p.i] }

func (p *parser) peek(n int) token {
	if p.i+n < len(p.toks) {
		return p.toks[p.i+n]
	}
	return p.toks[len(p.toks)-1]
}

func (p *parser) enter() func() {
	if p.depth++; p.depth > maxDepth {
		p.failAt(p.tok().Pos, "statement is too large (stack overflow while parsing)")
	}
	return func() { p.depth-- }
}

func (p *parser) failAt(at Pos, format string, args ...any) {
	panic(&Error{Pos: at, Message: fmt.Sprintf(format, args...)})
}

// fail reports the current token.
func (p *parser) fail(expecting ...string) {
	t := p.tok()
	switch t.kind {
	case digitWord:
		p.failAt(t.Pos, "identifiers must not start with a digit; surround the identifier with double quotes")
	case backquoted:
		p.failAt(t.Pos, "backquoted identifiers are not supported; use double quotes to quote identifiers")
	}
	p.failAt(t.Pos, "mismatched input '%s'. Expecting: %s", t.raw, strings.Join(expecting, ", "))
}

// is tells whether the current token is the keyword or symbol s.
func (p *parser) is(s string) bool { return is(p.tok(), s) }

func is(t token, s string) bool {
	return t.kind == word && t.up == s || t.kind == symbol && t.s == s
}

func (p *parser) isAny(words ...string) bool {
	for _, w := range words {
		if p.is(w) {
			return true
		}
	}
	return false
}

// are tells whether the next tokens are these.
func (p *parser) are(words ...string) bool {
	for n, w := range words {
		if !is(p.peek(n), w) {
			return false
		}
	}
	return true
}

func (p *parser) accept(words ...string) bool {
	if !p.are(words...) {
		return false
	}
	p.i += len(words)
	return true
}

func (p *parser) expect(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.fail("'" + w + "'")
		}
	}
}

func (p *parser) expectEOF() {
	if p.tok().kind != eof {
		p.fail("<EOF>")
	}
}

var reserved = wordSet(`ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE
	CURRENT_PATH CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT
	DROP ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT
	INTO IS JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG LOCALTIME
	LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM
	TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH`)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

func isIdent(t token) bool { return t.kind == quoted || t.kind == word && !reserved[t.up] }

// ident reads an identifier; unquoted ones are lower-cased for lookup by the caller, and kept as written here.
func (p *parser) ident() (name string, isQuoted bool) {
	t := p.tok()
	if !isIdent(t) {
		p.fail("<identifier>")
	}
	if t.kind == quoted && t.s == "" {
		p.failAt(t.Pos, "Zero-length delimited identifier not allowed")
	}
	p.i++
	return t.s, t.kind == quoted
}

// name reads an identifier that only serves for lookup.
func (p *parser) name() string {
	s, _ := p.ident()
	return strings.ToLower(s)
}

func (p *parser) qualified() []string {
	out := []string{p.name()}
	for p.is(".") && isIdent(p.peek(1)) {
		p.i++
		out = append(out, p.name())
	}
	if p.is(".") {
		p.i++
		p.fail("<identifier>")
	}
	return out
}

func (p *parser) number() int {
	t := p.tok()
	if t.kind != integer {
		p.fail("<integer>")
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(t.s, "_", ""), 0, 64)
	if err != nil || n > 1<<31-1 {
		n, err = strconv.ParseInt(strings.ReplaceAll(t.s, "_", ""), 10, 32)
		if err != nil {
			p.failAt(t.Pos, "Invalid numeric literal: %s", t.s)
		}
	}
	p.i++
	return int(n)
}

// columnAliases reads ( a, b, … ).
func (p *parser) columnAliases() []string {
	p.expect("(")
	out := []string{p.aliasName()}
	for p.accept(",") {
		out = append(out, p.aliasName())
	}
	if !p.accept(")") {
		p.fail("')'", "','")
	}
	return out
}

// aliasName keeps the letter case: it becomes the name of a column.
func (p *parser) aliasName() string {
	s, _ := p.ident()
	return s
}

// written returns the text from a place to the end of the last token read.
func (p *parser) written(from int) string {
	if p.i == 0 {
		return ""
	}
	return p.src[from:p.toks[p.i-1].end]
}
