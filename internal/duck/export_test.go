package duck

import "runtime"

// Idle is how many workers wait for a job.
func (p *Pool) Idle() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// Settle waits until a worker is idle.
func (p *Pool) Settle() {
	for p.Idle() == 0 {
		runtime.Gosched()
	}
}

// AwaitEnd waits until the pool would notice that its last idle worker has ended.
func (p *Pool) AwaitEnd() {
	p.mu.Lock()
	w := p.idle[len(p.idle)-1]
	p.mu.Unlock()
	err := <-w.quiet
	w.quiet <- err
}
