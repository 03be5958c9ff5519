// Package schedule reads AWS's schedule expressions: cron(minutes hours day-of-month month day-of-week year), rate(n unit)
// and at(time).
//
// AWS's cron differs from others: six fields, one of the two day fields must be ?, days of the week count from Sunday = 1,
// L means the last day (of the month, or the last such weekday), W the weekday nearest to a day, # the n-th weekday of
// the month.
//
// Source: "Cron-based schedules" in the Amazon EventBridge Scheduler user guide.
package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrSyntax reports an expression that cannot be read; its text says what is wrong.
var ErrSyntax = errors.New("invalid schedule expression")

// Schedule tells when something is due.
type Schedule interface {
	// Next returns the first time after t, in t's location, or the zero time when there is none.
	Next(t time.Time) time.Time
}

// Parse reads an expression. Errors wrap ErrSyntax.
func Parse(expr string) (Schedule, error) {
	kind, rest, ok := strings.Cut(expr, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed {
		return nil, bad(expr, "want cron(…), rate(…) or at(…)")
	}
	switch kind {
	case "cron":
		return parseCron(expr, body)
	case "rate":
		return parseRate(expr, body)
	case "at":
		t, err := time.Parse("2006-01-02T15:04:05", body)
		if err != nil {
			return nil, bad(expr, "want at(yyyy-mm-ddThh:mm:ss)")
		}
		return once{t}, nil
	}
	return nil, bad(expr, "want cron(…), rate(…) or at(…)")
}

func bad(expr, why string) error { return fmt.Errorf("%w: %s: %s", ErrSyntax, expr, why) }

// once is due at one wall-clock time, whose location is that of the caller's times.
type once struct{ at time.Time }

func (o once) Next(t time.Time) time.Time {
	at := time.Date(o.at.Year(), o.at.Month(), o.at.Day(), o.at.Hour(), o.at.Minute(), o.at.Second(), 0, t.Location())
	if at.After(t) {
		return at
	}
	return time.Time{}
}

// Rate is due again a fixed time after it was last.
type Rate time.Duration

// Next implements Schedule.
func (r Rate) Next(t time.Time) time.Time { return t.Add(time.Duration(r)) }

// maxRate keeps the next time within what a time.Duration can tell.
const maxRate = 100 * 365 * 24 * time.Hour

func parseRate(expr, body string) (Schedule, error) {
	f := strings.Split(body, " ")
	if len(f) != 2 {
		return nil, bad(expr, "want rate(value unit)")
	}
	n, err := strconv.Atoi(f[0])
	if err != nil || n < 1 {
		return nil, bad(expr, fmt.Sprintf("%q is no positive number", f[0]))
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	unit, plural := strings.CutSuffix(f[1], "s")
	d, ok := units[unit]
	if !ok {
		return nil, bad(expr, fmt.Sprintf("the unit %q: want minutes, hours or days", f[1]))
	}
	if n > int(maxRate/d) {
		return nil, bad(expr, fmt.Sprintf("%d %s: want 100 years at most", n, f[1]))
	}
	if plural != (n > 1) {
		return nil, bad(expr, fmt.Sprintf("write %d %s", n, map[bool]string{true: unit + "s", false: unit}[n > 1]))
	}
	return Rate(time.Duration(n) * d), nil
}
