package model

import (
	"regexp"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// Pattern is a constraint on a whole string. The zero value is not usable: the parser makes patterns.
type Pattern struct {
	Source    string // as in the model, in Java's syntax: shown in messages
	Expr      string // the same in Go's syntax
	Backtrack bool   // Expr needs lookaround or another feature that RE2 lacks

	once sync.Once
	re   *regexp.Regexp
	bt   *regexp2.Regexp
	err  error
}

// backtrackLimit bounds the time of a pattern that may need exponential time. A value that exceeds it does not match.
const backtrackLimit = 50 * time.Millisecond

// Compile reports whether p can be used. awsgen calls it for every pattern, so that a model that is committed compiles.
func (p *Pattern) Compile() error {
	p.once.Do(func() {
		if p.Backtrack {
			if p.bt, p.err = regexp2.Compile(`\A(?:`+p.Expr+`)\z`, regexp2.None); p.err == nil {
				p.bt.MatchTimeout = backtrackLimit
			}
			return
		}
		p.re, p.err = regexp.Compile(`\A(?:` + p.Expr + `)\z`)
	})
	return p.err
}

// Match reports whether all of v matches. It panics where the pattern does not compile, which awsgen has made sure of.
func (p *Pattern) Match(v string) bool {
	if err := p.Compile(); err != nil {
		panic("BUG: pattern of a committed model: " + err.Error())
	}
	if p.Backtrack {
		ok, err := p.bt.MatchString(v)
		return ok && err == nil
	}
	return p.re.MatchString(v)
}
