package sqlfront

import (
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
)

// jsonCall generates the functions of SQL/JSON.
func (a *analyzer) jsonCall(e *parse.Expr, s *scope) *ex {
	a.refuse(e.Pos, "%s is not supported", e.Name)
	return nil
}
