package jsonata

import (
	"math"
	"time"
)

// date is a time in milliseconds since 1970, read in UTC; NaN outside of what JavaScript's Date holds.
type date float64

const dayMillis = 86400000

func dateOf(millis float64) date {
	if math.IsNaN(millis) || math.Abs(millis) > 8.64e15 {
		return date(math.NaN())
	}
	return date(math.Trunc(millis))
}

func (d date) time() time.Time { return time.UnixMilli(int64(d)).UTC() }

// utc returns the milliseconds of a date, whose parts may lie outside their ranges. Years 0 to 99 are those of the
// twentieth century, as in JavaScript.
func utc(year, month, day float64, clock ...float64) float64 {
	sum := 0.0
	for i, unit := range []float64{3600000, 60000, 1000, 1} {
		if i < len(clock) {
			if math.IsNaN(clock[i]) || math.IsInf(clock[i], 0) {
				return math.NaN()
			}
			sum += math.Trunc(clock[i]) * unit
		}
	}
	for _, f := range []float64{year, month, day} {
		if math.IsNaN(f) || math.Abs(f) > 1e8 {
			return math.NaN()
		}
	}
	if year = math.Trunc(year); year >= 0 && year <= 99 {
		year += 1900
	}
	months := year*12 + math.Trunc(month)
	y, m := math.Floor(months/12), math.Mod(months, 12)
	if m < 0 {
		m += 12
	}
	if math.Abs(y) > 400000 {
		return math.NaN()
	}
	first := float64(time.Date(int(y), time.Month(int(m)+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	return float64(dateOf(first + (math.Trunc(day)-1)*dayMillis + sum))
}

// get returns a component of a date by its letter in date pictures.
func (d date) get(component byte) float64 {
	if math.IsNaN(float64(d)) {
		return math.NaN()
	}
	t := d.time()
	year, month, day := float64(t.Year()), float64(t.Month()), float64(t.Day())
	switch component {
	case 'Y':
		return year
	case 'M':
		return month
	case 'D':
		return day
	case 'd':
		return (utc(year, month-1, day)-utc(year, 0, 1))/dayMillis + 1
	case 'F':
		return isoWeekday(float64(d))
	case 'W':
		return weekOf(yearMonth{year, 0}, 12, utc(year, month-1, day), 52)
	case 'w':
		return weekOf(yearMonth{year, month - 1}, 1, utc(year, month-1, day), 4)
	case 'X':
		return year + shiftOf(yearMonth{year, 0}, 12, float64(d))
	case 'x':
		return math.Mod(month-1+12+shiftOf(yearMonth{year, month - 1}, 1, float64(d)), 12) + 1
	case 'H':
		return float64(t.Hour())
	case 'h':
		if h := t.Hour() % 12; h != 0 {
			return float64(h)
		}
		return 12
	case 'm':
		return float64(t.Minute())
	case 's':
		return float64(t.Second())
	case 'f':
		return float64(t.Nanosecond() / 1e6)
	}
	return math.NaN()
}

// isoWeekday returns 1 for Monday to 7 for Sunday.
func isoWeekday(millis float64) float64 {
	w := float64(dateOf(millis).time().Weekday())
	if w == 0 {
		return 7
	}
	return w
}

type yearMonth struct{ year, month float64 }

func (y yearMonth) plus(months float64) yearMonth {
	n := y.year*12 + y.month + months
	return yearMonth{math.Floor(n / 12), n - 12*math.Floor(n/12)}
}

// firstWeek returns the Monday of the first week that has its Thursday in the month or year.
func (y yearMonth) firstWeek() float64 {
	first := utc(y.year, y.month, 1)
	day := isoWeekday(first)
	if day > 4 {
		return first + (8-day)*dayMillis
	}
	return first - (day-1)*dayMillis
}

// weekOf returns the week of a day in a period of so many months; most is the number of weeks that each one has.
func weekOf(period yearMonth, months float64, day, most float64) float64 {
	weeks := func(p yearMonth) float64 { return (day-p.firstWeek())/(dayMillis*7) + 1 }
	week := weeks(period)
	switch {
	case week > most:
		if day >= period.plus(months).firstWeek() {
			week = 1
		}
	case week < 1:
		week = weeks(period.plus(-months))
	}
	return math.Floor(week)
}

// shiftOf tells whether a time belongs by its week to the period before (-1) or behind (1) its own.
func shiftOf(period yearMonth, months float64, millis float64) float64 {
	switch {
	case millis < period.firstWeek():
		return -1
	case millis >= period.plus(months).firstWeek():
		return 1
	}
	return 0
}
