package protocol

import (
	"reflect"
	"strings"
	"testing"
)

// decodeBody decodes a JSON body and returns the answer that refuses it, or "".
func decodeBody(t *testing.T, s *Service, op, body string) string {
	t.Helper()
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	row := s.rows[op]
	if err := s.plans(row); err != nil {
		t.Fatal(err)
	}
	rep := &report{smithy: s.Smithy}
	err := decodeJSON(row.in, []byte(body), row.newInput().Elem(), rep, false)
	if e := s.refusal(rep, err); e != nil {
		return e.Code + ": " + e.Message
	}
	return ""
}

func TestValidation(t *testing.T) {
	none := func(string, reflect.Value, *plan) (string, error) { return "", nil }
	glue, sfn, lambda, athena := testService(t, "glueapi", none), testService(t, "sfnapi", none), testService(t, "lambdaapi", none), testService(t, "athenaapi", none)
	glue.ValidationCode = "InvalidInputException"
	f := func(s *Service, op, body, want string) {
		t.Helper()
		if got := decodeBody(t, s, op, body); got != want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", op, body, got, want)
		}
	}
	f(glue, "GetDatabase", `{"Name":"x"}`, "")
	f(glue, "GetDatabase", `{}`, "InvalidInputException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null")
	f(glue, "GetDatabase", `{"Name":""}`, "InvalidInputException: 1 validation error detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1")
	f(glue, "GetDatabase", `{"Name":null}`, "InvalidInputException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null")
	f(glue, "GetTables", `{"DatabaseName":"d","MaxResults":101}`, "InvalidInputException: 1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100")
	f(glue, "CreateTable", `{"DatabaseName":"d","TableInput":{"Name":"t","Retention":-1,"StorageDescriptor":{"Columns":[{"Name":"a"},{}],"SortColumns":[{"Column":"a","SortOrder":7}]}}}`,
		"InvalidInputException: 3 validation errors detected: Value '-1' at 'tableInput.retention' failed to satisfy constraint: Member must have value greater than or equal to 0; "+
			"Value null at 'tableInput.storageDescriptor.columns.2.member.name' failed to satisfy constraint: Member must not be null; "+
			"Value '7' at 'tableInput.storageDescriptor.sortColumns.1.member.sortOrder' failed to satisfy constraint: Member must have value less than or equal to 1")
	f(sfn, "CreateStateMachine", `{"name":"n","definition":"x","roleArn":"r","type":"SLOW"}`,
		"ValidationException: 1 validation error detected: Value 'SLOW' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]")
	f(athena, "BatchGetNamedQuery", `{"NamedQueryIds":[]}`, "ValidationException: 1 validation error detected: Value '[]' at 'namedQueryIds' failed to satisfy constraint: Member must have length greater than or equal to 1")
	f(athena, "BatchGetNamedQuery", `{"NamedQueryIds":[null]}`, "ValidationException: 1 validation error detected: Value null at 'namedQueryIds.1.member' failed to satisfy constraint: Member must not be null")
	f(athena, "BatchGetNamedQuery", `{"NamedQueryIds":["a","b c"]}`, "ValidationException: 1 validation error detected: Value '[a, b c]' at 'namedQueryIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: \\S+]")
	f(sfn, "StartExecution", `{"stateMachineArn":7}`, "SerializationException: NUMBER_VALUE can not be converted to String")
	f(sfn, "StartExecution", `{"stateMachineArn":["a"]}`, "SerializationException: Start of list found where not expected")
	f(sfn, "StartExecution", `{"stateMachineArn":"a"} x`, "SerializationException: byte 24: expected end of text")
	f(sfn, "StartExecution", `{"stateMachineArn":"a","unknown":{"deep":[1,true,null,"x"]}}`, "")
	f(sfn, "ListExecutions", `{"maxResults":1.5}`, "SerializationException: 1.5 can not be converted to Integer")
	f(sfn, "ListExecutions", `{"maxResults":99999999999}`, "SerializationException: 99999999999 can not be converted to Integer")
	f(lambda, "TagResource", `{"Tags":{"a":"b"}}`, "")
	f(sfn, "StartExecution", strings.Repeat(`{"a":`, 300), "SerializationException: nested deeper than 200")

	smithy := testService(t, "sfnapi", none)
	smithy.Smithy = true
	f(smithy, "CreateStateMachine", `{"name":"","definition":"x"}`,
		"ValidationException: 2 validation errors detected. Value with length 0 at '/name' failed to satisfy constraint: Member must have length between 1 and 80, inclusive; Value at '/roleArn' failed to satisfy constraint: Member must not be null")
}

func TestSensitiveValuesAreMasked(t *testing.T) {
	s := testService(t, "lambdaapi", func(string, reflect.Value, *plan) (string, error) { return "", nil })
	got := decodeBody(t, s, "CreateFunction", `{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{},"Environment":{"Variables":{"1bad":"secret"}}}`)
	const want = "ValidationException: 1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"
	if got != want {
		t.Error(got)
	}
}

func TestCheck(t *testing.T) {
	none := func(string, reflect.Value, *plan) (string, error) { return "", nil }
	for _, pkg := range []string{"s3api", "iamapi", "stsapi", "lambdaapi", "logsapi", "sfnapi", "glueapi", "athenaapi", "sqsapi", "snsapi", "eventsapi"} {
		s := testService(t, pkg, none)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", pkg, err)
		}
		s = testService(t, pkg, none)
		s.Ops = s.Ops[1:]
		if err := s.Check(); err == nil {
			t.Errorf("%s: a missing row was not found", pkg)
		}
		type other struct{ NoSuchMember string }
		s = testService(t, pkg, none)
		s.Ops[0].In = reflect.TypeFor[other]()
		if err := s.Check(); err == nil {
			t.Errorf("%s: a field that the model lacks was not found", pkg)
		}
	}
}
