package event

// Seen is an event as Tail shows it.
type Seen struct {
	Text []byte // JSON
	Doc  any    // the same, decoded, for patterns
}

// Tail returns a channel of what comes on a bus from now on, before it is durable. A reader that lags by more than a thousand
// events misses some. stop is called when it is not needed any more.
func (e *Engine) Tail(bus BusRef) (events <-chan Seen, stop func(), err error) {
	if _, err := e.Bus(bus); err != nil {
		return nil, nil, err
	}
	events, stop = e.tails.Watch(bus)
	return events, stop, nil
}
