package function

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

var envName = regexp.MustCompile(`^[a-zA-Z]([a-zA-Z0-9_])+$`)

// reservedEnv are the variables that Lambda sets itself and refuses in a configuration.
var reservedEnv = map[string]bool{
	"_HANDLER": true, "_X_AMZN_TRACE_ID": true, "AWS_DEFAULT_REGION": true, "AWS_REGION": true, "AWS_EXECUTION_ENV": true,
	"AWS_LAMBDA_FUNCTION_NAME": true, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true, "AWS_LAMBDA_FUNCTION_VERSION": true,
	"AWS_LAMBDA_INITIALIZATION_TYPE": true, "AWS_LAMBDA_LOG_GROUP_NAME": true, "AWS_LAMBDA_LOG_STREAM_NAME": true,
	"AWS_ACCESS_KEY": true, "AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true,
	"AWS_LAMBDA_RUNTIME_API": true, "LAMBDA_TASK_ROOT": true, "LAMBDA_RUNTIME_DIR": true,
}

// withDefaults fills what the user left out.
func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	if c.MemoryMB == 0 {
		c.MemoryMB = 128
	}
	if c.StorageMB == 0 {
		c.StorageMB = 512
	}
	if len(c.Architectures) == 0 {
		c.Architectures = []string{"x86_64"}
	}
	if c.LogFormat == "" {
		c.LogFormat = "Text"
	}
	switch {
	case c.LogFormat != "JSON":
		c.AppLogLevel, c.SystemLevel = "", "" // levels are of JSON lines
	default:
		if c.AppLogLevel == "" {
			c.AppLogLevel = "INFO"
		}
		if c.SystemLevel == "" {
			c.SystemLevel = "INFO"
		}
	}
	if c.Tracing == "" {
		c.Tracing = "PassThrough"
	}
	return c
}

// validate checks a configuration whose defaults are filled in. Errors wrap ErrBadParameter.
func (c Config) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadParameter, fmt.Sprintf(format, args...))
	}
	switch {
	case c.Timeout < time.Second || c.Timeout > MaxTimeout || c.Timeout%time.Second != 0:
		return fmt.Errorf("%w: timeout %v: want 1 to %d whole seconds", ErrOutOfRange, c.Timeout, int(MaxTimeout.Seconds()))
	case c.MemoryMB < 128 || c.MemoryMB > 10240:
		return bad("'MemorySize' value %d failed to satisfy constraint: want 128 to 10240 MB", c.MemoryMB)
	case c.StorageMB < 512 || c.StorageMB > 10240:
		return bad("ephemeral storage %d: want 512 to 10240 MB", c.StorageMB)
	case len(c.Layers) > MaxLayers:
		return bad("Cannot reference more than %d layers.", MaxLayers)
	case len(c.Architectures) != 1 || c.Architectures[0] != "x86_64" && c.Architectures[0] != "arm64":
		return bad("architectures %v: want one of x86_64 and arm64", c.Architectures)
	case c.Role == "":
		return bad("a role is required")
	case !strings.HasPrefix(c.Role, "arn:aws:iam::") || !strings.Contains(c.Role, ":role/"):
		return bad("role %q: want arn:aws:iam::ACCOUNT:role/NAME", c.Role)
	case c.Handler == "" && !strings.HasPrefix(c.Runtime, "provided"):
		return bad("Runtime and Handler are mandatory parameters for functions created with deployment packages")
	case len(c.Handler) > 128 || strings.ContainsAny(c.Handler, " \t\n"):
		return bad("handler %q: want at most 128 characters without spaces", c.Handler)
	}
	for name := range c.Env {
		if reservedEnv[name] {
			return bad("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", name)
		}
		if !envName.MatchString(name) {
			return bad("environment variable %q: want a letter followed by letters, digits and _", name)
		}
	}
	if text := envText(c.Env); len(c.Env) > 0 && len(text) > MaxEnvBytes {
		return bad("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", text)
	}
	if _, err := familyOf(c.Runtime); err != nil {
		return err
	}
	return nil
}

// envText is a function's environment as Lambda measures it: as JSON.
func envText(env map[string]string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(env); err != nil {
		panic("BUG: encode environment: " + err.Error())
	}
	return bytes.TrimSpace(out.Bytes())
}
