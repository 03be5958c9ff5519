package duck

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/tarn-data/tarn/internal/duck/value"
)

type scalarFunction struct {
	config duckdb.ScalarFuncConfig
	call   duckdb.RowExecutorFn
}

func (s *scalarFunction) Config() duckdb.ScalarFuncConfig { return s.config }

func (s *scalarFunction) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: s.call}
}

// register binds f in lib and makes it callable on the connection.
func register(c *sql.Conn, lib Library, f Function) error {
	impl, err := lib.Bind(f)
	if err != nil {
		return fmt.Errorf("bind function %s: %w", f, err)
	}
	config := duckdb.ScalarFuncConfig{Volatile: f.Volatile, SpecialNullHandling: f.CallOnNull}
	for _, t := range f.Args {
		info, err := infoFrom(t)
		if err != nil {
			return fmt.Errorf("argument of function %s: %w", f, err)
		}
		config.InputTypeInfos = append(config.InputTypeInfos, info)
	}
	if config.ResultTypeInfo, err = infoFrom(f.Result); err != nil {
		return fmt.Errorf("result of function %s: %w", f, err)
	}
	s := &scalarFunction{config: config, call: guarded(impl, f.Args, f.Result)}
	if err := duckdb.RegisterScalarUDF(c, f.Name, s); err != nil {
		return fmt.Errorf("register function %s: %w", f, err)
	}
	return nil
}

// guarded converts arguments and result and turns a panic into an error.
func guarded(impl func([]any) (any, error), types []value.Type, result value.Type) duckdb.RowExecutorFn {
	return func(in []driver.Value) (out any, err error) {
		defer func() {
			if p := recover(); p != nil {
				out, err = nil, fmt.Errorf("panic in function: %v", p)
			}
		}()
		args := make([]any, len(in))
		for i := range in {
			if args[i], err = fromDriver(in[i], types[i]); err != nil {
				return nil, err
			}
		}
		v, err := impl(args)
		if err != nil {
			if text := err.Error(); strings.ContainsRune(text, 0) { // DuckDB would cut the message there
				err = errors.New(strings.ReplaceAll(text, "\x00", "\uFFFD"))
			}
			return nil, err
		}
		return toDriver(v, result)
	}
}
