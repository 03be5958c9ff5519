package app

import (
	"context"
	"time"

	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// Execution is an execution as the command line and pictures show it.
type Execution struct {
	ARN        string                    `json:"arn"`
	MachineARN string                    `json:"machineArn"`
	Status     string                    `json:"status"`
	Start      time.Time                 `json:"start"`
	Stop       *time.Time                `json:"stop,omitempty"`
	Output     string                    `json:"output,omitempty"`
	Error      string                    `json:"error,omitempty"`
	Cause      string                    `json:"cause,omitempty"`
	Graph      asl.Graph                 `json:"graph"`
	States     map[string]ExecutionState `json:"states"` // those that were reached
}

// ExecutionState is what has become of a state.
type ExecutionState struct {
	Entered  int       `json:"entered"`
	Exited   int       `json:"exited"`
	Failed   int       `json:"failed"`
	Attempts int       `json:"attempts"`
	Active   int       `json:"active"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// execution answers GET /_tarn/execution?arn=ARN.
func (a *App) execution(ctx context.Context, arn string) (*Execution, error) {
	v, err := a.Workflows.Overview(ctx, arn)
	if err != nil {
		return nil, err
	}
	r := v.Record
	out := &Execution{ARN: r.ARN, MachineARN: r.MachineARN, Status: string(r.Status), Start: r.Start, Output: r.Output, Graph: v.Graph, States: map[string]ExecutionState{}}
	if !r.Stop.IsZero() {
		out.Stop = &r.Stop
	}
	if r.Error != nil {
		out.Error = *r.Error
	}
	if r.Cause != nil {
		out.Cause = *r.Cause
	}
	for name, s := range v.States {
		out.States[name] = ExecutionState{Entered: s.Entered, Exited: s.Exited, Failed: s.Failed, Attempts: s.Attempts, Active: s.Active, First: s.First, Last: s.Last}
	}
	return out, nil
}
