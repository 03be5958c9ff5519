package query

import (
	"context"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/sqlfront"
)

// projected lists the files of a table whose partitions are computed from its properties.
func (r *running) projected(_ context.Context, t *catalog.Table, _ *sqlfront.TableUse) ([]part, error) {
	return nil, refused("partition projection is not supported: table %s", t.Name)
}
