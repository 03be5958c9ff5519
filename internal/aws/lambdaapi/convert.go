package lambdaapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
)

// stamp is how Lambda writes times that are strings.
const stamp = "2006-01-02T15:04:05.000-0700"

// configuration describes a version of a function; a published one by its own ARN.
func configuration(scope ident.Scope, v function.Version) *FunctionConfiguration {
	r := function.Ref{Scope: scope, Name: v.Name}
	if v.Number != function.Latest {
		r.Qualifier = v.Number
	}
	return configurationOf(r, v)
}

// listed describes a version in a list, where Lambda leaves out its state and what runs it.
func listed(r function.Ref, v function.Version) FunctionConfiguration {
	out := configurationOf(r, v)
	out.State, out.LastUpdateStatus, out.RuntimeVersionConfig = nil, nil, nil
	return *out
}

// runtimeVersion is the ARN of what runs a runtime's functions.
func runtimeVersion(region, runtime string) *RuntimeVersionConfig {
	sum := sha256.Sum256([]byte("tarn runtime " + runtime))
	return &RuntimeVersionConfig{RuntimeVersionArn: new("arn:aws:lambda:" + region + "::runtime:" + hex.EncodeToString(sum[:]))}
}

// configurationOf describes a version under the name by which it was asked for.
func configurationOf(r function.Ref, v function.Version) *FunctionConfiguration {
	c := v.Config
	out := &FunctionConfiguration{
		FunctionName: &v.Name, FunctionArn: new(r.ARN()), Runtime: new(Runtime(c.Runtime)), Role: &c.Role, Handler: protocol.Some(c.Handler),
		CodeSize: &v.CodeSize, CodeSha256: &v.CodeHash, Description: &c.Description, Timeout: new(int32(c.Timeout / time.Second)),
		MemorySize: new(int32(c.MemoryMB)), LastModified: new(v.Modified.UTC().Format(stamp)), Version: &v.Number, RevisionId: &v.Revision,
		TracingConfig: &TracingConfigResponse{Mode: new(TracingMode(c.Tracing))}, PackageType: new(PackageType_Zip), State: new(State_Active),
		LastUpdateStatus: new(LastUpdateStatus_Successful), EphemeralStorage: &EphemeralStorage{Size: int32(c.StorageMB)},
		SnapStart: &SnapStartResponse{ApplyOn: new(SnapStartApplyOn_None), OptimizationStatus: new(SnapStartOptimizationStatus_Off)},
	}
	group := c.LogGroup
	if group == "" {
		group = "/aws/lambda/" + v.Name
	}
	out.LoggingConfig = &LoggingConfig{LogFormat: new(LogFormat(c.LogFormat)), LogGroup: &group}
	if c.AppLogLevel != "" {
		out.LoggingConfig.ApplicationLogLevel = new(ApplicationLogLevel(c.AppLogLevel))
		out.LoggingConfig.SystemLogLevel = new(SystemLogLevel(c.SystemLevel))
	}
	out.RuntimeVersionConfig = runtimeVersion(r.Region, c.Runtime)
	switch v.Under {
	case function.Creating:
		out.State, out.StateReason, out.StateReasonCode = new(State_Pending), new("The function is being created."), new(StateReasonCode_Creating)
		out.LastUpdateStatus = nil
	case function.Updating:
		out.LastUpdateStatus = new(LastUpdateStatus_InProgress)
		out.LastUpdateStatusReason, out.LastUpdateStatusReasonCode = new("The function is being created."), new(LastUpdateStatusReasonCode("Creating"))
	}
	for _, a := range c.Architectures {
		out.Architectures = append(out.Architectures, Architecture(a))
	}
	if c.Env != nil {
		out.Environment = &EnvironmentResponse{Variables: c.Env}
	}
	for i, l := range c.Layers {
		row := Layer{Arn: &l}
		if i < len(c.LayerBytes) {
			row.CodeSize = &c.LayerBytes[i]
		}
		out.Layers = append(out.Layers, row)
	}
	if c.DeadLetter != "" {
		out.DeadLetterConfig = &DeadLetterConfig{TargetArn: &c.DeadLetter}
	}
	return out
}

func alias(scope ident.Scope, a function.Alias) *AliasConfiguration {
	r := function.Ref{Scope: scope, Name: a.Function, Qualifier: a.Name}
	out := &AliasConfiguration{AliasArn: new(r.ARN()), Name: &a.Name, FunctionVersion: &a.Version, Description: &a.Description, RevisionId: &a.Revision}
	if len(a.Weights) > 0 {
		out.RoutingConfig = &AliasRoutingConfiguration{AdditionalVersionWeights: a.Weights}
	}
	return out
}

func layerItem(scope ident.Scope, l function.Layer) LayerVersionsListItem {
	out := LayerVersionsListItem{
		LayerVersionArn: new(function.LayerARN(scope, l.Name, l.Number)), Version: new(int64(l.Number)), Description: &l.Description,
		CreatedDate: new(l.Created.UTC().Format(stamp)), LicenseInfo: protocol.Some(l.License),
	}
	if l.Runtimes != nil {
		out.CompatibleRuntimes = []Runtime{}
	}
	if l.Architectures != nil {
		out.CompatibleArchitectures = []Architecture{}
	}
	for _, r := range l.Runtimes {
		out.CompatibleRuntimes = append(out.CompatibleRuntimes, Runtime(r))
	}
	for _, a := range l.Architectures {
		out.CompatibleArchitectures = append(out.CompatibleArchitectures, Architecture(a))
	}
	return out
}

func eventConfig(r function.Ref, c function.EventConfig) *FunctionEventInvokeConfig {
	if r.Qualifier == "" {
		r.Qualifier = function.Latest
	}
	out := &FunctionEventInvokeConfig{FunctionArn: new(r.ARN()), LastModified: &c.Modified, DestinationConfig: &DestinationConfig{OnSuccess: &OnSuccess{}, OnFailure: &OnFailure{}}}
	if c.MaxAge > 0 {
		out.MaximumEventAgeInSeconds = new(int32(c.MaxAge / time.Second))
	}
	if c.Retries != nil {
		out.MaximumRetryAttempts = new(int32(*c.Retries))
	}
	out.DestinationConfig.OnSuccess.Destination = protocol.Some(c.OnSuccess)
	out.DestinationConfig.OnFailure.Destination = protocol.Some(c.OnFailure)
	return out
}

// statement writes a permission as the policy statement that it is.
func statement(r function.Ref, p function.Permission) map[string]any {
	s := map[string]any{"Sid": p.ID, "Effect": "Allow", "Action": p.Action, "Resource": r.ARN()}
	switch {
	case p.Principal == "*":
		s["Principal"] = "*"
	case strings.HasSuffix(p.Principal, ".amazonaws.com"):
		s["Principal"] = map[string]string{"Service": p.Principal}
	case len(p.Principal) == 12 && !strings.Contains(p.Principal, ":"):
		s["Principal"] = map[string]string{"AWS": "arn:aws:iam::" + p.Principal + ":root"}
	default:
		s["Principal"] = map[string]string{"AWS": p.Principal}
	}
	cond := map[string]map[string]string{}
	if p.SourceARN != "" {
		cond["ArnLike"] = map[string]string{"AWS:SourceArn": p.SourceARN}
	}
	equals := map[string]string{}
	if p.SourceAccount != "" {
		equals["AWS:SourceAccount"] = p.SourceAccount
	}
	if p.PrincipalOrg != "" {
		equals["aws:PrincipalOrgID"] = p.PrincipalOrg
	}
	if p.URLAuth != "" {
		equals["lambda:FunctionUrlAuthType"] = p.URLAuth
	}
	if p.EventToken != "" {
		equals["lambda:EventSourceToken"] = p.EventToken
	}
	if len(equals) > 0 {
		cond["StringEquals"] = equals
	}
	if len(cond) > 0 {
		s["Condition"] = cond
	}
	return s
}

func policyDocument(r function.Ref, list []function.Permission) map[string]any {
	statements := make([]any, len(list))
	for i, p := range list {
		statements[i] = statement(r, p)
	}
	return map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements}
}

func encode(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: encode policy: " + err.Error())
	}
	return string(data)
}

// number is a version's place in a list of pages; an empty or foreign marker begins anew.
func number(marker *string) int {
	n, err := strconv.Atoi(protocol.Or(marker, ""))
	if err != nil {
		return 0
	}
	return n
}

// page returns how many entries a page has.
func page(n *int32) int {
	if v := int(protocol.Or(n, 50)); v > 0 && v <= 50 {
		return v
	}
	return 50
}
