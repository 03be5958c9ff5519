package scalar

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the worker sees no files

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

const (
	microsPerSecond = int64(1e6)
	microsPerDay    = 86400 * microsPerSecond
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// civil returns the time.Time in UTC whose clock shows the microseconds.
func civil(us int64) time.Time { return time.UnixMicro(us).UTC() }

func micros(t time.Time) int64 { return t.UnixMicro() }

func dateOf(days int64) time.Time { return time.Unix(days*86400, 0).UTC() }

func daysOf(t time.Time) int64 { return floorDiv(t.Unix(), 86400) }

func yearText(y int) string {
	switch {
	case y > 9999:
		return "+" + strconv.Itoa(y)
	case y < 0:
		return fmt.Sprintf("-%04d", -y)
	}
	return fmt.Sprintf("%04d", y)
}

// DateText prints a date.
func DateText(days int64) string {
	t := dateOf(days)
	return fmt.Sprintf("%s-%02d-%02d", yearText(t.Year()), t.Month(), t.Day())
}

// fraction prints the digits of a second after the point for precision p of at most six.
func fraction(us int64, p int) string {
	if p <= 0 {
		return ""
	}
	s := fmt.Sprintf("%06d", floorMod(us, microsPerSecond))
	for len(s) < p {
		s += "0"
	}
	return "." + s[:p]
}

// TimestampText prints a timestamp with p digits of a second.
func TimestampText(us int64, p int) string {
	return DateText(floorDiv(us, microsPerDay)) + " " + TimeText(floorMod(us, microsPerDay), p)
}

// TimeText prints a time with p digits of a second.
func TimeText(us int64, p int) string {
	s := us / microsPerSecond
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60) + fraction(us, p)
}

// OffsetText prints an offset in minutes: +02:00.
func OffsetText(minutes int64) string {
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60)
}

// RoundMicros rounds to p digits of a second, half up.
func RoundMicros(us int64, p int) int64 {
	if p >= 6 {
		return us
	}
	unit := int64(math.Pow10(6 - p))
	return floorDiv(us+unit/2, unit) * unit
}

var zones sync.Map // name -> *time.Location

var (
	offsetZone = regexp.MustCompile(`^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$`)
	etcZone    = regexp.MustCompile(`^(?:Etc/)?GMT([+-])(\d{1,2})$`)
	utcNames   = map[string]bool{"UTC": true, "Z": true, "GMT": true, "UT": true, "Etc/UTC": true, "Etc/GMT": true, "Etc/UCT": true, "UCT": true, "Zulu": true, "Etc/Zulu": true, "Universal": true, "Etc/Universal": true, "Greenwich": true, "Etc/Greenwich": true, "GMT0": true, "Etc/GMT0": true}
)

// ZoneName returns the name by which Trino knows a zone; false if there is no such zone.
func ZoneName(s string) (string, bool) {
	if utcNames[s] {
		return "UTC", true
	}
	if m := etcZone.FindStringSubmatch(s); m != nil && strings.HasPrefix(s, "Etc/") {
		h, _ := strconv.Atoi(m[2])
		if m[1] == "+" {
			h = -h
		}
		return offsetName(int64(h) * 60)
	}
	if m := offsetZone.FindStringSubmatch(s); m != nil {
		h, _ := strconv.ParseInt(m[2], 10, 64)
		minutes, _ := strconv.ParseInt("0"+m[3], 10, 64)
		if minutes > 59 || len(m[2]) == 1 && m[3] != "" {
			return "", false
		}
		h = h*60 + minutes
		if m[1] == "-" {
			h = -h
		}
		return offsetName(h)
	}
	if !strings.Contains(s, "/") && !strings.Contains(" CET CST6CDT Cuba EET EST5EDT Egypt Eire GB Hongkong Iceland Iran Israel Jamaica Japan Libya MET MST7MDT NZ Navajo PRC PST8PDT Poland Portugal ROK Singapore Turkey W-SU WET ", " "+s+" ") {
		return "", false
	}
	if _, err := loadZone(s); err != nil {
		return "", false
	}
	return s, true
}

func offsetName(minutes int64) (string, bool) {
	if minutes < -14*60 || minutes > 14*60 {
		return "", false
	}
	if minutes == 0 {
		return "UTC", true
	}
	return OffsetText(minutes), true
}

func loadZone(name string) (*time.Location, error) {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	var l *time.Location
	var err error
	if m := offsetZone.FindStringSubmatch(name); m != nil {
		h, _ := strconv.Atoi(m[2])
		minutes, _ := strconv.Atoi("0" + m[3])
		off := h*3600 + minutes*60
		if m[1] == "-" {
			off = -off
		}
		l = time.FixedZone(name, off)
	} else if l, err = time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown zone %q", name)
	}
	zones.Store(name, l)
	return l, nil
}

// offsetAt returns the offset of a zone in seconds at an instant.
func offsetAt(us int64, zone string) int64 {
	l, err := loadZone(zone)
	if err != nil {
		return 0
	}
	_, off := time.UnixMicro(us).In(l).Zone()
	return int64(off)
}

// toLocal returns what a clock in the zone shows at an instant.
func toLocal(us int64, zone string) int64 { return us + offsetAt(us, zone)*microsPerSecond }

// toInstant returns the instant at which a clock in the zone shows local. In a gap the clock is put forward; of two
// instants the earlier is taken. gap tells that no clock ever shows local.
func toInstant(local int64, zone string) (us int64, gap bool) {
	before := offsetAt(local-microsPerDay, zone) * microsPerSecond
	after := offsetAt(local+microsPerDay, zone) * microsPerSecond
	for _, off := range []int64{before, after} {
		if us := local - off; offsetAt(us, zone)*microsPerSecond == off {
			return us, false
		}
	}
	return local - before, true
}

var (
	datePattern      = regexp.MustCompile(`^([+-]?\d{1,9})-(\d{1,2})-(\d{1,2})$`)
	timestampPattern = regexp.MustCompile(`^([+-]?\d{4,9})-(\d{1,2})-(\d{1,2})(?: (?:(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?)?\s*(.+)?)?$`)
	timePattern      = regexp.MustCompile(`^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?\s*([+-]\d\d:\d\d)?$`)
)

func makeDate(y, m, d string) (int64, bool) {
	year, err := strconv.Atoi(y)
	month, _ := strconv.Atoi(m)
	day, _ := strconv.Atoi(d)
	if err != nil || month < 1 || month > 12 || day < 1 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day {
		return 0, false
	}
	return daysOf(t), true
}

func makeTime(h, m, s string) (int64, bool) {
	hour, _ := strconv.ParseInt(h, 10, 64)
	minute, _ := strconv.ParseInt(m, 10, 64)
	second, _ := strconv.ParseInt("0"+s, 10, 64)
	if hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	return (hour*3600 + minute*60 + second) * microsPerSecond, true
}

// ParseDate reads a date as CAST does.
func ParseDate(s string) (int64, bool) {
	m := datePattern.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	return makeDate(m[1], m[2], m[3])
}

// Moment is a parsed timestamp or time.
type Moment struct {
	Micros    int64
	Precision int    // digits of a second that were written
	Finer     bool   // digits beyond the sixth that are not zero
	Rest      int    // the seventh digit, for rounding
	Zone      string // as written; "" = none
}

func (m *Moment) fraction(digits string) {
	m.Precision = len(digits)
	for len(digits) < 6 {
		digits += "0"
	}
	us, _ := strconv.ParseInt(digits[:6], 10, 64)
	m.Micros += us
	m.Finer = strings.Trim(digits[6:], "0") != ""
	if len(digits) > 6 {
		m.Rest = int(digits[6] - '0')
	}
}

// round gives the microseconds rounded to precision p.
func (m *Moment) round(p int) (int64, error) {
	if p > 6 {
		if m.Finer {
			return 0, unsupported("timestamps and times finer than a microsecond")
		}
		return m.Micros, nil
	}
	us := m.Micros
	if p == 6 && m.Rest >= 5 {
		us++
	}
	return RoundMicros(us, p), nil
}

// ParseTimestamp reads date, time and zone as CAST does.
func ParseTimestamp(s string) (*Moment, bool) {
	m := timestampPattern.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return nil, false
	}
	days, ok := makeDate(m[1], m[2], m[3])
	if !ok {
		return nil, false
	}
	us, ok := makeTime("0"+m[4], "0"+m[5], m[6])
	if !ok {
		return nil, false
	}
	out := &Moment{Micros: days*microsPerDay + us, Zone: strings.TrimSpace(m[8])}
	out.fraction(m[7])
	return out, true
}

// ParseTime reads a time with an optional offset.
func ParseTime(s string) (*Moment, bool) {
	m := timePattern.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return nil, false
	}
	us, ok := makeTime(m[1], m[2], m[3])
	if !ok {
		return nil, false
	}
	out := &Moment{Micros: us, Zone: m[5]}
	out.fraction(m[4])
	return out, true
}

// offsetMinutes reads +HH:MM.
func offsetMinutes(s string) int64 {
	h, _ := strconv.ParseInt(s[1:3], 10, 64)
	m, _ := strconv.ParseInt(s[4:6], 10, 64)
	if s[0] == '-' {
		return -(h*60 + m)
	}
	return h*60 + m
}

// zoned splits the Go form of a timestamp with time zone.
func zoned(v any) (us int64, zone string) {
	l := list(v)
	return num(l[0]), str(l[1])
}

// localMicros returns what the clock shows for a date, timestamp, timestamp with time zone or time.
func localMicros(v any, t types.Type) int64 {
	switch t.Base {
	case types.Date:
		return num(v) * microsPerDay
	case types.TimestampTZ:
		us, zone := zoned(v)
		return toLocal(us, zone)
	case types.TimeTZ:
		return num(list(v)[0])
	}
	return num(v)
}

// fromLocal makes a value of t from what the clock shall show; like keeps the zone of a value.
func fromLocal(local int64, t types.Type, like any) any {
	switch t.Base {
	case types.Date:
		return floorDiv(local, microsPerDay)
	case types.TimestampTZ:
		_, zone := zoned(like)
		us, _ := toInstant(local, zone)
		return []any{us, zone}
	case types.TimeTZ:
		return []any{floorMod(local, microsPerDay), list(like)[1]}
	case types.Time:
		return floorMod(local, microsPerDay)
	}
	return local
}

// addMonths adds months to what the clock shows; the day is cut to the month's last.
func addMonths(local, n int64) int64 {
	t := civil(floorDiv(local, microsPerDay) * microsPerDay)
	month := int64(t.Year())*12 + int64(t.Month()) - 1 + n
	y, m := floorDiv(month, 12), floorMod(month, 12)+1
	last := time.Date(int(y), time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	d := time.Date(int(y), time.Month(m), min(t.Day(), last), 0, 0, 0, 0, time.UTC)
	return daysOf(d)*microsPerDay + floorMod(local, microsPerDay)
}
