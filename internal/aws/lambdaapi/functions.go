package lambdaapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
)

// code opens a package that is given inline or by its place in the object store.
func (a *api) code(ctx context.Context, c *protocol.Call, zip []byte, bucket, key, version *string) (function.Code, func(), error) {
	switch {
	case len(zip) > function.MaxZipBytes:
		return function.Code{}, nil, &protocol.Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("Zipped size must be smaller than %d bytes", function.MaxZipBytes)}
	case zip != nil && bucket != nil:
		return function.Code{}, nil, fmt.Errorf("%w: please do not provide other FunctionCode parameters when providing a ZipFile", function.ErrBadParameter)
	case zip != nil:
		return function.Code{Zip: bytes.NewReader(zip)}, func() {}, nil
	case bucket == nil || key == nil:
		return function.Code{}, nil, fmt.Errorf("%w: please provide a source for function code: ZipFile, or S3Bucket and S3Key", function.ErrBadParameter)
	}
	r, err := a.Objects.OpenCode(ctx, c, *bucket, *key, protocol.Or(version, ""))
	if err != nil {
		code, text := "InternalError", err.Error()
		if e := (*protocol.Error)(nil); errors.As(err, &e) {
			code, text = e.Code, e.Message
		}
		return function.Code{}, nil, fmt.Errorf("%w: Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", function.ErrBadParameter, code, text)
	}
	return function.Code{Zip: io.Reader(r)}, func() { _ = r.Close() }, nil
}

// checkRuntime refuses a runtime that Lambda never had, as Lambda does: unlike other enumerations it is not a ValidationException.
func checkRuntime(runtime *string) error {
	if runtime == nil {
		return nil
	}
	known := Model().Shapes["Runtime"].Enum
	if slices.Contains(known, *runtime) {
		return nil
	}
	return &protocol.Error{
		Code: Code_InvalidParameterValueException, Status: http.StatusBadRequest, Members: map[string]any{"Type": "User"},
		Message: fmt.Sprintf("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", *runtime, strings.Join(known, ", ")),
	}
}

func (a *api) createFunction(ctx context.Context, c *protocol.Call, in *CreateFunctionRequest) (*FunctionConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	if in.PackageType != nil && *in.PackageType != PackageType_Zip {
		return nil, fmt.Errorf("%w: package type %s is not supported: functions run as processes, give a Zip package", function.ErrBadParameter, *in.PackageType)
	}
	if in.Runtime == nil {
		return nil, fmt.Errorf("%w: Runtime and Handler are mandatory parameters for functions created with deployment packages", function.ErrBadParameter)
	}
	if err := errors.Join(checkRuntime(in.Runtime), checkAbsent(in.SnapStart, in.VpcConfig)); err != nil {
		return nil, err
	}
	cfg := function.Config{
		Description: protocol.Or(in.Description, ""), Runtime: *in.Runtime, Handler: protocol.Or(in.Handler, ""), Role: in.Role, Layers: in.Layers,
		Timeout: time.Duration(protocol.Or(in.Timeout, 0)) * time.Second, MemoryMB: int(protocol.Or(in.MemorySize, 0)),
	}
	for _, arch := range in.Architectures {
		cfg.Architectures = append(cfg.Architectures, string(arch))
	}
	settings{in.Environment, in.EphemeralStorage, in.DeadLetterConfig, in.LoggingConfig, in.TracingConfig}.apply(&cfg)
	code := in.Code
	if code == nil {
		code = &FunctionCode{}
	}
	pkg, done, err := a.code(ctx, c, code.ZipFile, code.S3Bucket, code.S3Key, code.S3ObjectVersion)
	if err != nil {
		return nil, err
	}
	defer done()
	v, err := a.Functions.Create(ctx, r.Scope, function.CreateRequest{Name: r.Name, Config: cfg, Code: pkg, Tags: in.Tags, Publish: protocol.Or(in.Publish, false)})
	if err != nil {
		return nil, err
	}
	return configurationOf(function.Ref{Scope: r.Scope, Name: r.Name}, v), nil // by the function's ARN, also if it was published
}

// settings are the parts of a configuration that are structures on the wire; those that are nil stay as they are.
type settings struct {
	env     *Environment
	storage *EphemeralStorage
	dead    *DeadLetterConfig
	logging *LoggingConfig
	tracing *TracingConfig
}

func (s settings) apply(c *function.Config) {
	if s.env != nil {
		if c.Env = s.env.Variables; c.Env == nil {
			c.Env = map[string]string{}
		}
	}
	if s.storage != nil {
		c.StorageMB = int(s.storage.Size)
	}
	if s.dead != nil {
		c.DeadLetter = protocol.Or(s.dead.TargetArn, "")
	}
	if s.logging != nil {
		c.LogGroup = protocol.Or(s.logging.LogGroup, c.LogGroup)
		c.LogFormat = string(protocol.Or(s.logging.LogFormat, LogFormat(c.LogFormat)))
		c.AppLogLevel = string(protocol.Or(s.logging.ApplicationLogLevel, ApplicationLogLevel(c.AppLogLevel)))
		c.SystemLevel = string(protocol.Or(s.logging.SystemLogLevel, SystemLogLevel(c.SystemLevel)))
	}
	if s.tracing != nil {
		c.Tracing = string(protocol.Or(s.tracing.Mode, ""))
	}
}

func (a *api) updateCode(ctx context.Context, c *protocol.Call, in *UpdateFunctionCodeRequest) (*FunctionConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	pkg, done, err := a.code(ctx, c, in.ZipFile, in.S3Bucket, in.S3Key, in.S3ObjectVersion)
	if err != nil {
		return nil, err
	}
	defer done()
	var arch []string
	for _, x := range in.Architectures {
		arch = append(arch, string(x))
	}
	v, err := a.Functions.UpdateCode(ctx, r, pkg, protocol.Or(in.RevisionId, ""), protocol.Or(in.Publish, false), protocol.Or(in.DryRun, false), arch)
	if err != nil {
		return nil, err
	}
	return configuration(r.Scope, v), nil
}

func (a *api) updateConfiguration(ctx context.Context, c *protocol.Call, in *UpdateFunctionConfigurationRequest) (*FunctionConfiguration, error) {
	if err := errors.Join(checkRuntime(in.Runtime), checkAbsent(in.SnapStart, in.VpcConfig)); err != nil {
		return nil, err
	}
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	v, err := a.Functions.UpdateConfig(ctx, r, protocol.Or(in.RevisionId, ""), func(cfg *function.Config) {
		cfg.Description = protocol.Or(in.Description, cfg.Description)
		cfg.Runtime = protocol.Or(in.Runtime, cfg.Runtime)
		cfg.Handler = protocol.Or(in.Handler, cfg.Handler)
		cfg.Role = protocol.Or(in.Role, cfg.Role)
		if in.Timeout != nil {
			cfg.Timeout = time.Duration(*in.Timeout) * time.Second
		}
		if in.MemorySize != nil {
			cfg.MemoryMB = int(*in.MemorySize)
		}
		if in.Layers != nil {
			cfg.Layers = in.Layers
		}
		settings{in.Environment, in.EphemeralStorage, in.DeadLetterConfig, in.LoggingConfig, in.TracingConfig}.apply(cfg)
	})
	if err != nil {
		return nil, err
	}
	return configuration(r.Scope, v), nil
}

func (a *api) getFunction(ctx context.Context, c *protocol.Call, in *GetFunctionRequest) (*GetFunctionResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	v, err := a.Functions.Get(ctx, r)
	if err != nil {
		return nil, err
	}
	tags, err := a.Functions.Tags(ctx, r)
	if err != nil {
		return nil, err
	}
	reserved, err := a.Functions.Reserved(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &GetFunctionResponse{
		Configuration: configurationOf(r, v), Tags: tags,
		Code: &FunctionCodeLocation{RepositoryType: new("S3"), Location: new(a.CodeURL(v.Code))},
	}
	if reserved != nil {
		out.Concurrency = &Concurrency{ReservedConcurrentExecutions: new(int32(*reserved))}
	}
	return out, nil
}

func (a *api) getConfiguration(ctx context.Context, c *protocol.Call, in *GetFunctionConfigurationRequest) (*FunctionConfiguration, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	v, err := a.Functions.Get(ctx, r)
	if err != nil {
		return nil, err
	}
	return configurationOf(r, v), nil
}

func (a *api) listFunctions(ctx context.Context, c *protocol.Call, in *ListFunctionsRequest) (*ListFunctionsResponse, error) {
	list, more, err := a.Functions.List(ctx, c.Scope, protocol.Or(in.Marker, ""), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &ListFunctionsResponse{Functions: []FunctionConfiguration{}}
	for _, v := range list {
		r := function.Ref{Scope: c.Scope, Name: v.Name}
		if in.FunctionVersion == nil {
			out.Functions = append(out.Functions, listed(r, v))
			continue
		}
		versions, _, err := a.Functions.Versions(ctx, r, "", 0) // ALL: $LATEST and the published versions, by their own ARNs
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			r.Qualifier = v.Number
			out.Functions = append(out.Functions, listed(r, v))
		}
	}
	if more {
		out.NextMarker = new(list[len(list)-1].Name)
	}
	return out, nil
}

func (a *api) deleteFunction(ctx context.Context, c *protocol.Call, in *DeleteFunctionRequest) (*DeleteFunctionResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	return &DeleteFunctionResponse{StatusCode: new(int32(204))}, a.Functions.Delete(ctx, r)
}

func (a *api) getAccountSettings(ctx context.Context, c *protocol.Call, _ *GetAccountSettingsRequest) (*GetAccountSettingsResponse, error) {
	use, err := a.Functions.Use(ctx, c.Scope)
	if err != nil {
		return nil, err
	}
	return &GetAccountSettingsResponse{
		AccountLimit: &AccountLimit{
			CodeSizeUnzipped: new(int64(function.MaxUnzippedBytes)), CodeSizeZipped: new(int64(function.MaxZipBytes)), TotalCodeSize: new(int64(75 << 30)),
			ConcurrentExecutions: new(int32(function.AccountConcurrency)), UnreservedConcurrentExecutions: new(int32(function.AccountConcurrency - use.Reserved)),
		},
		AccountUsage: &AccountUsage{FunctionCount: &use.Functions, TotalCodeSize: &use.CodeBytes},
	}, nil
}
