package workflow

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// maxTestTime is how long the task of a tested state may take.
const maxTestTime = 5 * time.Minute

// TestState tries out one state of a machine, as an execution that nothing is kept of. req.Run is filled in.
func (e *Engine) TestState(ctx context.Context, scope ident.Scope, roleARN string, m *asl.Machine, req *interp.TestRequest) *interp.TestResult {
	ctx, cancel := context.WithTimeout(ctx, maxTestTime)
	defer cancel()
	machine, name, now := ident.UUID(), ident.UUID(), e.clock.Now()
	x := &exec{rec: &Record{Scope: scope, RoleARN: roleARN, MachineARN: scope.ARN("states", "stateMachine:"+machine), ARN: scope.ARN("states", "express:"+machine+":"+name)}}
	step := &interp.Step{Ctx: ctx, Machine: m, Now: now, Random: rand.Float64, Limits: e.limits, State: &interp.State{Info: interp.Info{
		ARN: x.rec.ARN, Name: name, MachineARN: x.rec.MachineARN, MachineName: machine, RoleARN: roleARN, Region: scope.Region, Account: scope.Account, Input: req.Input,
		Start: now.UTC().Truncate(time.Millisecond), Express: true, Tested: true,
	}}}
	x.state = step.State
	var seen *Exchange
	req.Run = func(start interp.TaskStart) (string, *TaskError) {
		call := e.taskCall(x, start)
		call.Inspect, call.Reveal = func(x *Exchange) { seen = x }, req.Reveal
		return e.tasks.Run(ctx, call, func(string, string) error { return nil })
	}
	result := step.Test(req)
	result.Exchange = seen
	return result
}
