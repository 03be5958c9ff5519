package schedule_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/schedule"
)

func TestNext(t *testing.T) {
	f := func(expr, after string, want ...string) {
		t.Helper()
		s, err := schedule.Parse(expr)
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		at, err := time.Parse("2006-01-02T15:04:05", after)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			at = s.Next(at)
			got := "never"
			if !at.IsZero() {
				got = at.Format("2006-01-02T15:04")
			}
			if got != w {
				t.Errorf("%s: next is %s, want %s", expr, got, w)
				return
			}
		}
	}
	f("cron(15 10 ? * 6L 2026-2027)", "2026-01-01T00:00:00", "2026-01-30T10:15", "2026-02-27T10:15")
	f("cron(0 12 * * ? *)", "2026-11-25T12:00:00", "2026-11-26T12:00")
	f("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-27T17:52:00", "2026-11-27T17:55", "2026-11-30T08:00")
	f("cron(0 0 L * ? *)", "2026-02-10T00:00:00", "2026-02-28T00:00", "2026-03-31T00:00")
	f("cron(0 0 L-2 * ? *)", "2026-02-10T00:00:00", "2026-02-26T00:00")
	f("cron(0 9 15W * ? *)", "2026-08-01T00:00:00", "2026-08-14T09:00") // the 15th is a Saturday
	f("cron(0 9 1W * ? *)", "2026-08-01T00:00:00", "2026-08-03T09:00")  // the 1st is a Saturday, the month begins there
	f("cron(0 9 LW * ? *)", "2026-05-01T00:00:00", "2026-05-29T09:00")
	f("cron(30 6 ? * 3#2 *)", "2026-11-01T00:00:00", "2026-11-10T06:30") // second Tuesday
	f("cron(0 18 ? * SAT-MON *)", "2026-11-25T00:00:00", "2026-11-28T18:00", "2026-11-29T18:00", "2026-11-30T18:00", "2026-12-05T18:00")
	f("cron(0 0 29 2 ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00")
	f("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00", "never")
	f("cron(1/9223372036854775807 0 1 1 ? *)", "2026-01-01T00:00:00", "2026-01-01T00:01", "2027-01-01T00:01")
	f("cron(0 0 ? * SAT-MON/9223372036854775807 *)", "2026-11-25T00:00:00", "2026-11-28T00:00", "2026-11-29T00:00", "2026-12-05T00:00")
	f("rate(5 minutes)", "2026-01-01T00:00:00", "2026-01-01T00:05", "2026-01-01T00:10")
	f("rate(1 day)", "2026-01-01T00:00:00", "2026-01-02T00:00")
	f("at(2026-06-01T10:00:00)", "2026-01-01T00:00:00", "2026-06-01T10:00", "never")
}

func TestNextInALocationWithDaylightSaving(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Parse("cron(30 2 * * ? *)")
	if err != nil {
		t.Fatal(err)
	}
	// 02:30 does not exist on 29 March 2026.
	got := s.Next(time.Date(2026, 3, 28, 3, 0, 0, 0, loc))
	if want := time.Date(2026, 3, 30, 2, 30, 0, 0, loc); !got.Equal(want) {
		t.Errorf("next is %v, want %v", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, expr := range []string{
		"", "cron", "cron(* * * * *)", "cron(0 12 * * * *)", "cron(0 12 ? * ? *)", "cron(60 0 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 32 * ? *)",
		"cron(0 0 ? * 8 *)", "cron(0 0 ? * 3#6 *)", "cron(0 0 * 13 ? *)", "cron(0 0 * * ? 1969)", "cron(a 0 * * ? *)", "cron(0/0 0 * * ? *)",
		"rate(5)", "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(153722867281 minutes)", "rate(9223372036854775807 days)", "rate(5 weeks)", "at(tomorrow)", "every(5 minutes)",
	} {
		if _, err := schedule.Parse(expr); !errors.Is(err, schedule.ErrSyntax) {
			t.Errorf("%q: err = %v, want ErrSyntax", expr, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("cron(0/5 8-17 ? * MON-FRI 2026)")
	f.Add("rate(3 hours)")
	f.Fuzz(func(t *testing.T, expr string) {
		s, err := schedule.Parse(expr)
		if err != nil {
			return
		}
		start := time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
		if next := s.Next(start); !next.IsZero() && !next.After(start) {
			t.Errorf("%s: next after %v is %v", expr, start, next)
		}
	})
}
