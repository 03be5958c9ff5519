package topic

// Tail returns a channel of what is published on a topic from now on, before it is durable. A reader that lags by more than a
// thousand messages misses some. stop is called when it is not needed any more.
func (e *Engine) Tail(r Ref) (messages <-chan Message, stop func(), err error) {
	if _, err := e.find(r); err != nil {
		return nil, nil, err
	}
	messages, stop = e.tails.Watch(r)
	return messages, stop, nil
}
