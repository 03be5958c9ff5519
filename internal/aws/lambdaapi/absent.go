package lambdaapi

import (
	"context"
	"fmt"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
)

// Tools that describe a function completely (Terraform, CDK) ask for all of its settings. These are answered as AWS does for
// a function that does not have them.

// known finds a function, so that one that is missing is said to be.
func (a *api) known(ctx context.Context, c *protocol.Call, name string, qualifier *string) (function.Ref, error) {
	r, err := function.ParseRef(c.Scope, name, protocol.Or(qualifier, ""))
	if err == nil {
		_, err = a.Functions.Get(ctx, r)
	}
	return r, err
}

func (a *api) getCodeSigning(ctx context.Context, c *protocol.Call, in *GetFunctionCodeSigningConfigRequest) (*GetFunctionCodeSigningConfigResponse, error) {
	r, err := a.known(ctx, c, in.FunctionName, nil)
	return &GetFunctionCodeSigningConfigResponse{FunctionName: r.Name}, err
}

// getRuntimeManagement tells how a runtime is brought up to date: the machine's interpreter is found anew at each start.
func (a *api) getRuntimeManagement(ctx context.Context, c *protocol.Call, in *GetRuntimeManagementConfigRequest) (*GetRuntimeManagementConfigResponse, error) {
	r, err := a.known(ctx, c, in.FunctionName, in.Qualifier)
	return &GetRuntimeManagementConfigResponse{FunctionArn: new(r.ARN()), UpdateRuntimeOn: new(UpdateRuntimeOn_Auto)}, err
}

func (a *api) listURLs(ctx context.Context, c *protocol.Call, in *ListFunctionUrlConfigsRequest) (*ListFunctionUrlConfigsResponse, error) {
	_, err := a.known(ctx, c, in.FunctionName, nil)
	return &ListFunctionUrlConfigsResponse{FunctionUrlConfigs: []FunctionUrlConfig{}}, err
}

func (a *api) listProvisioned(ctx context.Context, c *protocol.Call, in *ListProvisionedConcurrencyConfigsRequest) (*ListProvisionedConcurrencyConfigsResponse, error) {
	_, err := a.known(ctx, c, in.FunctionName, nil)
	return &ListProvisionedConcurrencyConfigsResponse{ProvisionedConcurrencyConfigs: []ProvisionedConcurrencyConfigListItem{}}, err
}

// checkAbsent refuses what a function cannot have here, unless the request says that it is not to have it.
func checkAbsent(snap *SnapStart, vpc *VpcConfig) error {
	if snap != nil && snap.ApplyOn != nil && *snap.ApplyOn != SnapStartApplyOn_None {
		return fmt.Errorf("%w: Tarn does not support SnapStart: leave it out or give ApplyOn None", function.ErrBadParameter)
	}
	if vpc != nil && (len(vpc.SubnetIds) > 0 || len(vpc.SecurityGroupIds) > 0) {
		return fmt.Errorf("%w: Tarn does not support VpcConfig: functions reach what this machine reaches; leave it out", function.ErrBadParameter)
	}
	return nil
}
