package workflow

import (
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/key"
)

func scoped(kind string, s ident.Scope) key.Key {
	return key.In(key.Workflow).Str(kind).Str(s.Account).Str(s.Region)
}

func machineKey(s ident.Scope, name string) key.Key { return scoped("m", s).Str(name) }

func versionKey(s ident.Scope, name string, v int64) key.Key {
	return scoped("v", s).Str(name).Int(v)
}

func aliasKey(s ident.Scope, name, alias string) key.Key { return scoped("a", s).Str(name).Str(alias) }

func definitionKey(hash string) key.Key { return key.In(key.Workflow).Str("d").Str(hash) }

func activityKey(s ident.Scope, name string) key.Key { return scoped("c", s).Str(name) }

func recordKey(s ident.Scope, machine, name string) key.Key {
	return scoped("x", s).Str(machine).Str(name)
}

func listPrefix(s ident.Scope, machine string) key.Key { return scoped("l", s).Str(machine) }

// listKey sorts the newest execution first.
func listKey(s ident.Scope, machine string, start time.Time, k uint64) key.Key {
	return listPrefix(s, machine).Uint(^uint64(start.UnixMicro())).Uint(k)
}

func byKey(kind string, k uint64) key.Key { return key.In(key.Workflow).Str(kind).Uint(k) }

func historyKey(k uint64, first int64) key.Key { return byKey("h", k).Uint(uint64(first)) }

func runKey(k uint64) key.Key { return byKey("r", k) }

func sleepKey(k uint64) key.Key { return byKey("s", k) }

func wakeKey(due time.Time, k uint64) key.Key { return key.In(key.Workflow).Str("w").Time(due).Uint(k) }

func threadKey(k uint64, t uint32) key.Key { return byKey("t", k).Uint(uint64(t)) }

func itemsKey(k uint64, t uint32) key.Key { return byKey("i", k).Uint(uint64(t)) }

func resultKey(k uint64, t uint32, i int) key.Key {
	return byKey("o", k).Uint(uint64(t)).Uint(uint64(i))
}

func gcKey(stop time.Time, k uint64) key.Key {
	return key.In(key.Workflow).Str("g").Time(stop).Uint(k)
}

func mapRunKey(s ident.Scope, machine, run string) key.Key {
	return scoped("p", s).Str(machine).Str(run)
}

func runsKey(k uint64, mapRun string) key.Key { return byKey("q", k).Str(mapRun) }

func childKey(mapRun string, index int) key.Key {
	return key.In(key.Workflow).Str("n").Str(mapRun).Uint(uint64(index))
}

// newKey makes the number of an execution: the time, then bits that tell executions of one microsecond apart.
func (e *Engine) newKey(now time.Time) uint64 {
	return uint64(now.UnixMicro())<<10 | e.serial.Add(1)&1023
}

func parseKey(s string) (uint64, bool) {
	k, err := strconv.ParseUint(s, 16, 64)
	return k, err == nil
}
