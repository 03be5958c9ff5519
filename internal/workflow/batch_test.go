package workflow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// Batches hold as many items as the batcher allows and as fit, with what the selector makes of them and the batch input.
func TestBatches(t *testing.T) {
	k := func(n int) string { return `"` + strings.Repeat("x", n<<10-3) + `"` } // with its comma n KiB
	for name, c := range map[string]struct {
		batcher, selector string
		items             []string
		want              []int // items of each child; nil = the run fails
	}{
		"by number":              {`{"MaxItemsPerBatch":2}`, "", []string{"1", "2", "3"}, []int{2, 1}},
		"by bytes":               {`{"MaxInputBytesPerBatch":25}`, "", []string{"10", "20", "30", "40", "50", "60"}, []int{4, 2}},
		"bytes with batch input": {`{"MaxInputBytesPerBatch":45,"BatchInput":{"a":1}}`, "", []string{"10", "20", "30", "40", "50", "60"}, []int{4, 2}},
		"bytes after a selector": {`{"MaxInputBytesPerBatch":40}`, `"ItemSelector":{"v.$":"$$.Map.Item.Value"},`, []string{"10", "20", "30", "40"}, []int{3, 1}},
		"the usual 256 KiB":      {`{"MaxItemsPerBatch":100}`, "", []string{k(100), k(100), k(100), k(50)}, []int{2, 2}},
		"a large item alone":     {`{"MaxInputBytesPerBatch":12}`, "", []string{"10000000", "20000000"}, []int{1, 1}},
		"too large an item":      {`{"MaxItemsPerBatch":1,"BatchInput":{"a":` + k(100) + `}}`, "", []string{k(200)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, newFakeTasks(echo))
			m := create(t, e, "m", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ItemBatcher":`+c.batcher+`,`+c.selector+`"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
			 "StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"n.$":"States.ArrayLength($.Items)"},"OutputPath":"$.n","End":true}}},"End":true}}}`, Standard)
			input := "[" + strings.Join(c.items, ",") + "]"
			if len(input) > 256<<10 { // more than an input can hold: made by an expression
				def := `{"QueryLanguage":"JSONata","StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"Items":"{% [100,100,100,50].$pad('', $*1024-3, 'x') %}","ItemBatcher":` + c.batcher + `,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
				 "StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% $count($states.input.Items) %}","End":true}}},"End":true}}}`
				m, input = create(t, e, "m2", def, Standard), `{}`
			}
			rec := await(t, e, start(t, e, m.ARN, "x", input).ARN)
			if c.want == nil {
				if rec.Status != interp.Failed || *rec.Error != "States.DataLimitExceeded" {
					t.Errorf("%s %v", rec.Status, rec.Cause)
				}
				return
			}
			if d := cmp.Diff(strings.ReplaceAll(fmt.Sprint(c.want), " ", ","), rec.Output); d != "" {
				t.Errorf("%s %v (-want +got):\n%s", rec.Status, rec.Cause, d)
			}
		})
	}
}
