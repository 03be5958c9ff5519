package asl

import "strings"

// Pattern is how a Task state waits for its resource.
type Pattern uint8

// The patterns.
const (
	RequestResponse Pattern = iota
	Sync                    // .sync: until the job has ended
	Sync2                   // .sync:2: likewise, with the output as JSON
	WaitForToken            // .waitForTaskToken: until SendTaskSuccess or SendTaskFailure
)

// Integration is the way in which a Task state reaches its resource.
type Integration uint8

// The integrations.
const (
	Function  Integration = iota + 1 // the ARN of a Lambda function
	Activity                         // the ARN of an activity
	Optimized                        // arn:aws:states:::SERVICE:ACTION
	SDK                              // arn:aws:states:::aws-sdk:SERVICE:ACTION
)

// Resource is what a Task state calls.
type Resource struct {
	ARN         string // as written
	Integration Integration
	Service     string // "lambda", "glue", "sfn"; with SDK the name of the SDK's package
	Action      string // "invoke", "startJobRun"
	Pattern     Pattern
}

// Type returns the resource's type as histories show it: "lambda", "aws-sdk:s3".
func (r Resource) Type() string {
	if r.Integration == SDK {
		return "aws-sdk:" + r.Service
	}
	return r.Service
}

// Name returns the resource as histories show it: "startJobRun.sync".
func (r Resource) Name() string {
	return r.Action + [...]string{"", ".sync", ".sync:2", ".waitForTaskToken"}[r.Pattern]
}

// ParseResource reads a resource's ARN; ok is false for text that is none.
func ParseResource(arn string) (r Resource, ok bool) {
	r.ARN = arn
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) < 6 || parts[0] != "arn" || parts[1] == "" {
		return r, false
	}
	switch service := parts[2]; {
	case service == "lambda" && len(parts) == 7 && parts[5] == "function" && parts[6] != "":
		r.Integration, r.Service, r.Action = Function, "lambda", parts[6]
		return r, true
	case service == "states" && len(parts) == 7 && parts[5] == "activity" && parts[6] != "":
		r.Integration, r.Service, r.Action = Activity, "activity", parts[6]
		return r, true
	case service == "states" && parts[5] == "aws-sdk" && len(parts) == 7:
		r.Integration = SDK
		service, action, found := strings.Cut(parts[6], ":")
		if !found || service == "" || action == "" {
			return r, false
		}
		r.Service = service
		r.Action, r.Pattern = splitPattern(action)
		return r, r.Action != ""
	case service == "states" && len(parts) == 7 && parts[5] != "":
		r.Integration, r.Service = Optimized, parts[5]
		r.Action, r.Pattern = splitPattern(parts[6])
		return r, r.Action != ""
	}
	return r, false
}

func splitPattern(s string) (string, Pattern) {
	for _, p := range []struct {
		suffix  string
		pattern Pattern
	}{{".waitForTaskToken", WaitForToken}, {".sync:2", Sync2}, {".sync", Sync}} {
		if strings.HasSuffix(s, p.suffix) {
			return strings.TrimSuffix(s, p.suffix), p.pattern
		}
	}
	return s, RequestResponse
}

// optimized are the actions of the integrations that need no aws-sdk, each with its patterns: r request-response,
// s .sync, 2 .sync:2, t .waitForTaskToken.
var optimized = map[string]map[string]string{
	"lambda":           {"invoke": "rt"},
	"batch":            {"submitJob": "rs"},
	"dynamodb":         {"getItem": "r", "putItem": "r", "deleteItem": "r", "updateItem": "r"},
	"ecs":              {"runTask": "rst"},
	"sns":              {"publish": "rt"},
	"sqs":              {"sendMessage": "rt"},
	"glue":             {"startJobRun": "rs"},
	"databrew":         {"startJobRun": "rs"},
	"athena":           {"startQueryExecution": "rs", "stopQueryExecution": "r", "getQueryExecution": "r", "getQueryResults": "r"},
	"states":           {"startExecution": "rs2t"},
	"events":           {"putEvents": "rt"},
	"apigateway":       {"invoke": "rt"},
	"http":             {"invoke": "r"},
	"codebuild":        {"startBuild": "rs", "stopBuild": "r", "batchDeleteBuilds": "r", "batchGetReports": "r", "startBuildBatch": "rs", "stopBuildBatch": "r", "retryBuildBatch": "rs", "deleteBuildBatch": "r"},
	"sagemaker":        {"createEndpoint": "r", "createEndpointConfig": "r", "createHyperParameterTuningJob": "rs", "createLabelingJob": "rs", "createModel": "r", "createProcessingJob": "rs", "createTrainingJob": "rs", "createTransformJob": "rs", "updateEndpoint": "r"},
	"elasticmapreduce": {"createCluster": "rs", "terminateCluster": "rs", "addStep": "rs", "cancelStep": "r", "setClusterTerminationProtection": "r", "modifyInstanceFleetByName": "r", "modifyInstanceGroupByName": "r"},
	"emr-containers":   {"createVirtualCluster": "r", "deleteVirtualCluster": "rs", "startJobRun": "rs"},
	"emr-serverless":   {"createApplication": "rs", "startApplication": "rs", "stopApplication": "rs", "deleteApplication": "rs", "startJobRun": "rs", "cancelJobRun": "rs"},
	"eks":              {"call": "r", "runJob": "rs", "createCluster": "rs", "deleteCluster": "rs", "createFargateProfile": "rs", "deleteFargateProfile": "rs", "createNodegroup": "rs", "deleteNodegroup": "rs"},
	"bedrock":          {"invokeModel": "r", "createModelCustomizationJob": "rs"},
	"mediaconvert":     {"createJob": "rs"},
}

// known reports whether AWS knows the resource. Of the SDK integrations every action is taken.
func (r Resource) known() bool {
	if r.Integration != Optimized {
		return true
	}
	patterns, ok := optimized[r.Service][r.Action]
	return ok && strings.IndexByte(patterns, "rs2t"[r.Pattern]) >= 0
}
