package pebblekv

import (
	"fmt"
	"log/slog"
)

// pebbleLogger passes what Pebble says to slog. Its information is about tables and levels: for debugging only.
type pebbleLogger struct {
	log   *slog.Logger
	fatal func(string)
}

func (l *pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("pebble", "text", fmt.Sprintf(format, args...))
}

func (l *pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble", "err", fmt.Sprintf(format, args...))
}

func (l *pebbleLogger) Fatalf(format string, args ...any) {
	l.fatal(fmt.Sprintf(format, args...))
}
