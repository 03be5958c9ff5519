package asl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Definitions of the largest size and the deepest nesting are read or refused; none stops the reader.
func TestHostileDefinitions(t *testing.T) {
	chain := func(next string) string {
		var b strings.Builder
		b.WriteString(`{"StartAt":"s0","States":{`)
		for i := range 16000 {
			fmt.Fprintf(&b, `"s%d":{"Type":"Pass","%s":"s%d"},`, i, next, i+1)
		}
		return b.String() + `"s16000":{"Type":"Succeed"}}}`
	}
	deep := func(n int) string {
		return strings.Repeat(`{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[`, n) + `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}` + strings.Repeat(`]}}}`, n)
	}
	task := func(field string) string {
		return state(`{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:x","End":true,"Retry":[{"ErrorEquals":["a"],` + field + `}]}`)
	}
	limit := func(seconds string) string {
		return `{"StartAt":"A","TimeoutSeconds":` + seconds + `,"States":{"A":{"Type":"Pass","End":true}}}`
	}
	pass := func(field string) string { return state(`{"Type":"Pass","End":true,` + field + `}`) }
	for name, c := range map[string]struct{ definition, want string }{ // want is a part of the first diagnostic; "" = accepted
		"16,000 states":             {chain("Next"), ""},
		"16,000 broken states":      {chain("Nex"), "Field is not supported"},
		"a path of 400,000 steps":   {pass(`"InputPath":"$` + strings.Repeat(".a", 400000) + `"`), ""},
		"300,000 brackets":          {pass(`"InputPath":"$` + strings.Repeat("[0]", 300000) + `"`), ""},
		"filters in filters":        {pass(`"InputPath":"$` + strings.Repeat("[?(@.a", 100000) + `"`), "Value is not a valid JSONPath"},
		"calls in calls":            {pass(`"Parameters":{"a.$":"` + strings.Repeat("States.Array(", 60000) + strings.Repeat(")", 60000) + `"}`), "must be a valid JSONPath or a valid intrinsic function call"},
		"an expression in itself":   {pass(`"QueryLanguage":"JSONata","Output":"{% ` + strings.Repeat("(", 500000) + ` %}"`), "The JSONata expression"},
		"900 objects":               {pass(`"Parameters":` + strings.Repeat(`{"a":`, 900) + `1` + strings.Repeat(`}`, 900)), ""},
		"100,000 objects":           {pass(`"Parameters":` + strings.Repeat(`{"a":`, 100000) + `1` + strings.Repeat(`}`, 100000)), "Document nesting depth (1001) exceeds the maximum allowed (1000)"},
		"5,000 parallel states":     {deep(5000), "Document nesting depth"},
		"choices in choices":        {state(`{"Type":"Choice","Choices":[` + strings.Repeat(`{"Not":`, 900) + `{"Variable":"$.a","IsNull":true}` + strings.Repeat(`}`, 900) + `]}`), "These fields are required: [Next]"},
		"a limit beyond numbers":    {limit("1e400"), "Expected value of type Integer"},
		"half a second":             {limit("1.5"), "Expected value of type Integer"},
		"three years":               {limit("100000000"), "is greater than the maximum of 99999999"},
		"less than nothing":         {limit("-1"), "is less than the minimum of 1"},
		"attempts without end":      {task(`"MaxAttempts":99999999999`), "is greater than the maximum of 99999999"},
		"an interval without end":   {task(`"IntervalSeconds":1e30`), "Expected value of type Integer"},
		"a backoff that comes near": {task(`"BackoffRate":0.5`), "is less than the minimum of 1"},
		"a NUL":                     {pass("\"Comment\":\"\x00\""), "Illegal unquoted character"},
		"a byte order mark":         {"\ufeff" + pass(`"Comment":""`), "Unexpected character"},
		"two documents":             {pass(`"Comment":""`) + " {}", "Unexpected character"},
		"a name without letters":    {`{"StartAt":"","States":{"":{"Type":"Pass","End":true}}}`, "must have 1 to 80 characters"},
	} {
		_, _, err := Parse(c.definition, Options{})
		var bad *InvalidError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %.300v", name, err)
		case c.want == "":
		case !errors.As(err, &bad):
			t.Errorf("%s is not refused: %v", name, err)
		case !strings.Contains(bad.Diagnostics[0].Message, c.want) || len(bad.Diagnostics) > 1000:
			t.Errorf("%s: %d diagnostics, the first %.300s", name, len(bad.Diagnostics), bad.Diagnostics[0].Message)
		}
	}
}
