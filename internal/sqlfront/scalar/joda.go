package scalar

import (
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// jodaToken is a run of one pattern letter, or literal text.
type jodaToken struct {
	letter byte
	n      int
	text   string
}

func jodaTokens(p string) ([]jodaToken, error) {
	if p == "" {
		return nil, invalid("Invalid pattern specification: Pattern is null or empty")
	}
	var out []jodaToken
	for i := 0; i < len(p); {
		c := p[i]
		switch {
		case c|32 >= 'a' && c|32 <= 'z':
			j := i
			for j < len(p) && p[j] == c {
				j++
			}
			if !strings.ContainsRune("GCYyxMwdeEaDHhKkmsSzZ", rune(c)) {
				return nil, invalid("Illegal pattern component: %c", c)
			}
			out = append(out, jodaToken{letter: c, n: j - i})
			i = j
		case c == '\'':
			if i+1 < len(p) && p[i+1] == '\'' {
				out = append(out, jodaToken{text: "'"})
				i += 2
				continue
			}
			var b strings.Builder
			i++
			for i < len(p) {
				if p[i] == '\'' {
					if i+1 < len(p) && p[i+1] == '\'' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(p[i])
				i++
			}
			i++
			out = append(out, jodaToken{text: b.String()})
		default:
			out = append(out, jodaToken{text: p[i : i+1]})
			i++
		}
	}
	return out, nil
}

func formatDatetime(s Signature) (Func, error) {
	in := s.Args[0]
	return func(a []any) (any, error) {
		tokens, err := jodaTokens(str(a[1]))
		if err != nil {
			return nil, err
		}
		us := RoundMicros(localMicros(a[0], in), 3)
		t := civil(us)
		zone, instant := "UTC", us
		if in.Base == types.TimestampTZ {
			instant, zone = zoned(a[0])
		}
		var b strings.Builder
		number := func(v int64, n int) { fmt.Fprintf(&b, "%0*d", n, v) }
		for _, k := range tokens {
			switch k.letter {
			case 0:
				b.WriteString(k.text)
			case 'G':
				if t.Year() <= 0 {
					b.WriteString("BC")
				} else {
					b.WriteString("AD")
				}
			case 'C':
				number(int64(t.Year()/100), k.n)
			case 'Y', 'y':
				if k.n == 2 {
					number(int64(t.Year()%100), 2)
				} else {
					number(int64(t.Year()), k.n)
				}
			case 'x':
				if k.n == 2 {
					number(isoYear(t, 0)%100, 2)
				} else {
					number(isoYear(t, 0), k.n)
				}
			case 'w':
				number(isoWeek(t, 0), k.n)
			case 'e':
				number(dayOfWeek(t, 0), k.n)
			case 'E':
				if k.n > 3 {
					b.WriteString(t.Weekday().String())
				} else {
					b.WriteString(t.Weekday().String()[:3])
				}
			case 'D':
				number(int64(t.YearDay()), k.n)
			case 'M':
				switch {
				case k.n > 3:
					b.WriteString(t.Month().String())
				case k.n == 3:
					b.WriteString(t.Month().String()[:3])
				default:
					number(int64(t.Month()), k.n)
				}
			case 'd':
				number(int64(t.Day()), k.n)
			case 'a':
				b.WriteString(t.Format("PM"))
			case 'K':
				number(int64(t.Hour()%12), k.n)
			case 'h':
				number(int64((t.Hour()+11)%12+1), k.n)
			case 'H':
				number(int64(t.Hour()), k.n)
			case 'k':
				number(int64((t.Hour()+23)%24+1), k.n)
			case 'm':
				number(int64(t.Minute()), k.n)
			case 's':
				number(int64(t.Second()), k.n)
			case 'S':
				ms := fmt.Sprintf("%03d", floorMod(us, microsPerSecond)/1000)
				b.WriteString((ms + strings.Repeat("0", k.n))[:k.n])
			case 'z', 'Z':
				if in.Base != types.TimestampTZ {
					return nil, invalid("format_datetime for TIMESTAMP type, cannot use 'Z' nor 'z' in format, as this type does not contain TZ information")
				}
				if k.letter == 'z' {
					name, err := zoneDisplay(instant, zone, k.n)
					if err != nil {
						return nil, err
					}
					b.WriteString(name)
					continue
				}
				switch off := offsetAt(instant, zone) / 60; {
				case k.n == 1:
					b.WriteString(strings.Replace(OffsetText(off), ":", "", 1))
				case k.n == 2:
					b.WriteString(OffsetText(off))
				default:
					b.WriteString(zone)
				}
			}
		}
		return b.String(), nil
	}, nil
}

func zoneDisplay(us int64, zone string, n int) (string, error) {
	if zone == "UTC" {
		if n > 3 {
			return "Coordinated Universal Time", nil
		}
		return "UTC", nil
	}
	if zone[0] == '+' || zone[0] == '-' {
		return zone, nil
	}
	if n > 3 {
		return "", unsupported("long names of time zones")
	}
	l, err := loadZone(zone)
	if err != nil {
		return "", err
	}
	name, _ := civil(us).In(l).Zone()
	if strings.ContainsAny(name, "+-0123456789") {
		return "", unsupported("the short name of time zone %s", zone)
	}
	return name, nil
}

func parseDatetime(a []any) (any, error) {
	tokens, err := jodaTokens(str(a[1]))
	if err != nil {
		return nil, err
	}
	p := newParsed(str(a[0]))
	for i, k := range tokens {
		// A number is as long as its letter's field, unless digits follow at once.
		width := 9
		if i+1 < len(tokens) && tokens[i+1].letter != 0 && strings.IndexByte("GEaZz", tokens[i+1].letter) < 0 {
			width = k.n
		}
		ok := true
		switch k.letter {
		case 0:
			ok = p.literal(k.text)
		case 'Y', 'y':
			if k.n == 2 {
				start := p.i
				if ok = p.int(&p.year, width); ok && p.i-start == 2 {
					p.year += 2000
					if p.year > 2055 { // Joda's pivot is thirty years ahead
						p.year -= 100
					}
				}
			} else {
				ok = p.signedInt(&p.year, width)
			}
		case 'x':
			ok = p.signedInt(&p.weekYear, width)
		case 'w':
			ok = p.int(&p.week, min(width, 2))
		case 'e':
			ok = p.int(&p.weekDay, 1)
		case 'E':
			ok = p.weekday()
		case 'D':
			ok = p.int(&p.yearDay, min(width, 3))
		case 'M':
			if k.n > 2 {
				ok = p.monthName()
			} else {
				ok = p.int(&p.month, min(width, 2))
			}
		case 'd':
			ok = p.int(&p.day, min(width, 2))
		case 'a':
			ok = p.half()
		case 'h':
			ok = p.int(&p.hour12, min(width, 2))
		case 'H':
			ok = p.int(&p.hour, min(width, 2))
		case 'm':
			ok = p.int(&p.minute, min(width, 2))
		case 's':
			ok = p.int(&p.second, min(width, 2))
		case 'S':
			ok = p.fraction()
		case 'Z', 'z':
			ok = p.zoneText(k)
		default:
			return nil, unsupported("parse_datetime with pattern letter %c", k.letter)
		}
		if !ok {
			return nil, p.malformed()
		}
	}
	if p.i < len(p.s) {
		return nil, p.malformed()
	}
	local, err := p.micros()
	if err != nil {
		return nil, err
	}
	zone := p.zone
	if zone == "" {
		zone = "UTC"
	}
	us, gap := toInstant(floorDiv(local, 1000)*1000, zone)
	if gap {
		return nil, invalid("Cannot parse %q: Illegal instant due to time zone offset transition (%s)", p.s, zone)
	}
	return []any{us, zone}, nil
}

var shortZones = map[string]string{"UTC": "UTC", "GMT": "UTC", "EST": "America/New_York", "EDT": "America/New_York", "CST": "America/Chicago", "CDT": "America/Chicago",
	"MST": "America/Denver", "MDT": "America/Denver", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles"}

func (p *parsed) zoneText(k jodaToken) bool {
	rest := p.s[p.i:]
	end := strings.IndexFunc(rest, func(r rune) bool { return r == ' ' || r == ',' || r == ')' || r == ']' })
	if end < 0 {
		end = len(rest)
	}
	name := rest[:end]
	if name == "" {
		return false
	}
	p.i += end
	if k.letter == 'z' {
		z, ok := shortZones[name]
		p.zone = z
		return ok
	}
	if len(name) == 5 && (name[0] == '+' || name[0] == '-') {
		name = name[:3] + ":" + name[3:]
	}
	if k.n < 3 && name != "Z" && name[0] != '+' && name[0] != '-' {
		return false
	}
	z, ok := ZoneName(name)
	p.zone = z
	return ok
}
