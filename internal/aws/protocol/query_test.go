package protocol

import (
	"net/http"
	"reflect"
	"testing"
)

// TestQueryOfSQS decodes what botocore 1.31.80, the last release that spoke the query protocol to SQS, sends, and the
// same request in JSON: the handler must not see a difference.
func TestQueryOfSQS(t *testing.T) {
	for _, c := range []struct{ op, form, json string }{
		{
			"SendMessage",
			"Action=SendMessage&Version=2012-11-05&QueueUrl=q&MessageBody=b&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=x&MessageAttribute.2.Name=b&MessageAttribute.2.Value.DataType=Binary&MessageAttribute.2.Value.BinaryValue=AP8%3D&MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value.DataType=String&MessageSystemAttribute.1.Value.StringValue=t",
			`{"QueueUrl":"q","MessageBody":"b","MessageAttributes":{"a":{"DataType":"String","StringValue":"x"},"b":{"DataType":"Binary","BinaryValue":"AP8="}},"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"t"}}}`,
		},
		{
			"ReceiveMessage",
			"Action=ReceiveMessage&Version=2012-11-05&QueueUrl=q&AttributeName.1=All&MessageAttributeName.1=a&MessageAttributeName.2=b&MaxNumberOfMessages=5",
			`{"QueueUrl":"q","AttributeNames":["All"],"MessageAttributeNames":["a","b"],"MaxNumberOfMessages":5}`,
		},
	} {
		var seen []string
		s := testService(t, "sqsapi", func(_ string, in reflect.Value, p *plan) (string, error) {
			seen = append(seen, string(jsonEnc{}.append(nil, p, nil, in)))
			return "{}", nil
		})
		g := NewRegistry(Options{Logger: quiet})
		g.Add(s)
		for _, r := range []func() *http.Request{form(c.form), target("AmazonSQS."+c.op, c.json)} {
			if w := exchange(t, g, s, r()); w.Code != 200 {
				t.Errorf("%s: %d %s", c.op, w.Code, w.Body)
			}
		}
		if len(seen) != 2 || seen[0] != seen[1] {
			t.Errorf("%s: by form %s\nby JSON %s", c.op, seen[0], seen[1])
		}
	}
}
