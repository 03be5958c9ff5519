package scalar

import (
	"time"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func textToTemporal(to types.Type) (Converter, bool) {
	bad := func(v any, what string) (any, error) {
		return nil, badCast("Value cannot be cast to %s: %s", what, str(v))
	}
	switch to.Base {
	case types.Date:
		return func(v any) (any, error) {
			if d, ok := ParseDate(str(v)); ok {
				return d, nil
			}
			return bad(v, "date")
		}, true
	case types.Timestamp:
		return func(v any) (any, error) {
			m, ok := ParseTimestamp(str(v))
			if !ok {
				return bad(v, "timestamp")
			}
			if m.Zone != "" {
				if _, ok := ZoneName(m.Zone); !ok {
					return bad(v, "timestamp")
				}
			}
			return result(m.round(to.P))
		}, true
	case types.TimestampTZ:
		return func(v any) (any, error) {
			m, ok := ParseTimestamp(str(v))
			if !ok {
				return bad(v, "timestamp")
			}
			zone := "UTC"
			if m.Zone != "" {
				if zone, ok = ZoneName(m.Zone); !ok {
					return bad(v, "timestamp")
				}
			}
			local, err := m.round(to.P)
			if err != nil {
				return nil, err
			}
			us, _ := toInstant(local, zone)
			return []any{us, zone}, nil
		}, true
	case types.Time, types.TimeTZ:
		return func(v any) (any, error) {
			m, ok := ParseTime(str(v))
			if !ok {
				return bad(v, "time")
			}
			us, err := m.round(to.P)
			if err != nil {
				return nil, err
			}
			us = floorMod(us, microsPerDay)
			if to.Base == types.Time {
				return us, nil
			}
			off := int64(0)
			if m.Zone != "" {
				off = offsetMinutes(m.Zone)
			}
			return []any{us, off}, nil
		}, true
	}
	return nil, false
}

func result(us int64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return us, nil
}

func castTemporal(from, to types.Type) (Converter, bool) {
	pair := func(f, t types.Base) bool { return from.Base == f && to.Base == t }
	switch {
	case pair(types.Date, types.Timestamp):
		return func(v any) (any, error) { return num(v) * microsPerDay, nil }, true
	case pair(types.Date, types.TimestampTZ):
		return func(v any) (any, error) { return []any{num(v) * microsPerDay, "UTC"}, nil }, true
	case pair(types.Timestamp, types.Date), pair(types.TimestampTZ, types.Date):
		return func(v any) (any, error) { return floorDiv(localMicros(v, from), microsPerDay), nil }, true
	case pair(types.Timestamp, types.Timestamp):
		return func(v any) (any, error) { return RoundMicros(num(v), to.P), nil }, true
	case pair(types.Timestamp, types.TimestampTZ):
		return func(v any) (any, error) { return []any{RoundMicros(num(v), to.P), "UTC"}, nil }, true
	case pair(types.TimestampTZ, types.Timestamp):
		return func(v any) (any, error) { return RoundMicros(localMicros(v, from), to.P), nil }, true
	case pair(types.TimestampTZ, types.TimestampTZ):
		return func(v any) (any, error) {
			us, zone := zoned(v)
			return []any{RoundMicros(us, to.P), zone}, nil
		}, true
	case pair(types.Timestamp, types.Time), pair(types.TimestampTZ, types.Time):
		return func(v any) (any, error) {
			us := localMicros(v, from)
			if from.Base == types.Timestamp && us < 0 && us%1e6 != 0 {
				us -= 1e6 // Trino is a second off there
			}
			return floorMod(RoundMicros(us, to.P), microsPerDay), nil
		}, true
	case pair(types.TimestampTZ, types.TimeTZ):
		return func(v any) (any, error) {
			us, zone := zoned(v)
			return []any{floorMod(RoundMicros(localMicros(v, from), to.P), microsPerDay), offsetAt(us, zone) / 60}, nil
		}, true
	case pair(types.Timestamp, types.TimeTZ): // the session's zone is UTC
		return func(v any) (any, error) {
			return []any{floorMod(RoundMicros(num(v), to.P), microsPerDay), int64(0)}, nil
		}, true
	case pair(types.Time, types.Time):
		return func(v any) (any, error) { return floorMod(RoundMicros(num(v), to.P), microsPerDay), nil }, true
	case pair(types.Time, types.TimeTZ):
		return func(v any) (any, error) {
			return []any{floorMod(RoundMicros(num(v), to.P), microsPerDay), int64(0)}, nil
		}, true
	case pair(types.TimeTZ, types.Time):
		return func(v any) (any, error) { return floorMod(RoundMicros(num(list(v)[0]), to.P), microsPerDay), nil }, true
	case pair(types.TimeTZ, types.TimeTZ):
		return func(v any) (any, error) {
			return []any{floorMod(RoundMicros(num(list(v)[0]), to.P), microsPerDay), list(v)[1]}, nil
		}, true
	case pair(types.Time, types.Timestamp):
		return func(v any) (any, error) { return today() + RoundMicros(num(v), to.P), nil }, true
	case pair(types.Time, types.TimestampTZ):
		return func(v any) (any, error) { return []any{today() + RoundMicros(num(v), to.P), "UTC"}, nil }, true
	case pair(types.TimeTZ, types.TimestampTZ), pair(types.TimeTZ, types.Timestamp):
		return nil, false
	}
	return nil, false
}

// today is the current day in microseconds: a time cast to a timestamp belongs to it.
func today() int64 { return floorDiv(time.Now().UnixMicro(), microsPerDay) * microsPerDay }
