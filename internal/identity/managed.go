package identity

import (
	"fmt"
	"strings"
	"time"
)

// managedSince is the date that AWS's own policies show.
var managedSince = time.Date(2015, 2, 6, 18, 40, 58, 0, time.UTC)

// managed are policies that AWS itself offers and pipelines name, with what they allow of the services that Tarn has.
var managed = map[string]string{
	"AdministratorAccess": allow("*"),
	"PowerUserAccess":     `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:ListRoles"],"Resource":"*"}]}`,
	"ReadOnlyAccess": allow("athena:BatchGet*", "athena:Get*", "athena:List*", "events:Describe*", "events:List*", "events:Test*", "glue:BatchGet*", "glue:Get*", "glue:List*",
		"glue:SearchTables", "iam:Get*", "iam:List*", "iam:Simulate*", "lambda:Get*", "lambda:List*", "logs:Describe*", "logs:FilterLogEvents", "logs:Get*", "logs:ListTags*",
		"s3:Get*", "s3:List*", "scheduler:Get*", "scheduler:List*", "sns:Get*", "sns:List*", "sqs:Get*", "sqs:List*", "sqs:Receive*", "states:Describe*", "states:Get*", "states:List*",
		"sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetSessionToken"),
	"IAMFullAccess":     allow("iam:*"),
	"IAMReadOnlyAccess": allow("iam:Get*", "iam:List*", "iam:Simulate*"),

	"AmazonS3FullAccess":     allow("s3:*", "s3-object-lambda:*"),
	"AmazonS3ReadOnlyAccess": allow("s3:Get*", "s3:List*", "s3:Describe*"),

	"AWSLambda_FullAccess":                         withPassRole("lambda.amazonaws.com", "lambda:*", "logs:*", "iam:ListRoles", "iam:GetRole", "iam:GetPolicy", "s3:ListAllMyBuckets"),
	"AWSLambda_ReadOnlyAccess":                     allow("lambda:Get*", "lambda:List*", "logs:Describe*", "logs:FilterLogEvents", "logs:GetLogEvents"),
	"AWSLambdaExecute":                             `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:*:*:*"},{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::*"}]}`,
	"AWSLambdaInvocation-DynamoDB":                 allow("lambda:InvokeFunction"),
	"service-role/AWSLambdaRole":                   allow("lambda:InvokeFunction"),
	"service-role/AWSLambdaBasicExecutionRole":     allow(writeLogs...),
	"service-role/AWSLambdaVPCAccessExecutionRole": allow(append([]string{"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"}, writeLogs...)...),
	"service-role/AWSLambdaSQSQueueExecutionRole":  allow(append([]string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, writeLogs...)...),
	"service-role/AWSLambdaKinesisExecutionRole":   allow(append([]string{"kinesis:DescribeStream*", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams", "kinesis:SubscribeToShard"}, writeLogs...)...),
	"service-role/AWSLambdaDynamoDBExecutionRole":  allow(append([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}, writeLogs...)...),
	"AWSXRayDaemonWriteAccess":                     allow("xray:Put*", "xray:GetSampling*"),

	"service-role/AWSGlueServiceRole": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["glue:*","s3:GetBucketLocation","s3:ListBucket","s3:ListAllMyBuckets","s3:GetBucketAcl","iam:ListRolePolicies","iam:GetRole","iam:GetRolePolicy","cloudwatch:PutMetricData"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":"s3:CreateBucket","Resource":"arn:aws:s3:::aws-glue-*"},` +
		`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":["arn:aws:s3:::aws-glue-*/*","arn:aws:s3:::*/*aws-glue-*/*"]},` +
		`{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::crawler-public*","arn:aws:s3:::aws-glue-*"]},` +
		`{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*:/aws-glue/*"}]}`,
	"AWSGlueConsoleFullAccess": withPassRole("glue.amazonaws.com", "glue:*", "s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetObject", "s3:PutObject", "iam:List*", "iam:GetRole", "logs:GetLogEvents", "athena:*"),
	"AmazonAthenaFullAccess": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["athena:*","glue:BatchCreatePartition","glue:BatchDeletePartition","glue:BatchDeleteTable","glue:BatchGetPartition","glue:CreateDatabase","glue:CreatePartition","glue:CreateTable","glue:DeleteDatabase","glue:DeletePartition","glue:DeleteTable","glue:GetDatabase","glue:GetDatabases","glue:GetPartition","glue:GetPartitions","glue:GetTable","glue:GetTables","glue:UpdateDatabase","glue:UpdatePartition","glue:UpdateTable","s3:GetBucketLocation","s3:ListBucket","s3:ListAllMyBuckets"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":["s3:GetBucketLocation","s3:GetObject","s3:ListBucket","s3:ListBucketMultipartUploads","s3:ListMultipartUploadParts","s3:AbortMultipartUpload","s3:CreateBucket","s3:PutObject"],"Resource":"arn:aws:s3:::aws-athena-query-results-*"}]}`,

	"AWSStepFunctionsFullAccess":                           allow("states:*"),
	"AWSStepFunctionsConsoleFullAccess":                    withPassRole("states.amazonaws.com", "states:*", "iam:ListRoles", "lambda:ListFunctions"),
	"AWSStepFunctionsReadOnlyAccess":                       allow("states:Describe*", "states:List*", "states:GetExecutionHistory"),
	"AmazonSQSFullAccess":                                  allow("sqs:*"),
	"AmazonSQSReadOnlyAccess":                              allow("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues", "sqs:ListQueues", "sqs:ListMessageMoveTasks", "sqs:ListQueueTags"),
	"AmazonSNSFullAccess":                                  allow("sns:*"),
	"AmazonSNSReadOnlyAccess":                              allow("sns:Get*", "sns:List*", "sns:CheckIfPhoneNumberIsOptedOut"),
	"CloudWatchLogsFullAccess":                             allow("logs:*"),
	"CloudWatchLogsReadOnlyAccess":                         allow("logs:Describe*", "logs:Get*", "logs:List*", "logs:FilterLogEvents", "logs:StartQuery", "logs:StopQuery", "logs:TestMetricFilter"),
	"CloudWatchFullAccess":                                 allow("cloudwatch:*", "logs:*", "sns:*"),
	"AmazonEventBridgeFullAccess":                          allow("events:*", "schemas:*", "scheduler:*", "pipes:*"),
	"AmazonEventBridgeReadOnlyAccess":                      allow("events:Describe*", "events:List*", "events:TestEventPattern", "scheduler:Get*", "scheduler:List*"),
	"AmazonEventBridgeSchedulerFullAccess":                 withPassRole("scheduler.amazonaws.com", "scheduler:*"),
	"CloudWatchEventsFullAccess":                           allow("events:*", "scheduler:*"),
	"AmazonKinesisFullAccess":                              allow("kinesis:*"),
	"AmazonKinesisReadOnlyAccess":                          allow("kinesis:Get*", "kinesis:List*", "kinesis:Describe*"),
	"AmazonKinesisFirehoseFullAccess":                      allow("firehose:*"),
	"AmazonKinesisAnalyticsFullAccess":                     allow("kinesisanalytics:*", "kinesis:*", "firehose:DescribeDeliveryStream", "logs:GetLogEvents", "iam:ListRoles"),
	"AmazonDynamoDBFullAccess":                             allow("dynamodb:*"),
	"SecretsManagerReadWrite":                              allow("secretsmanager:*"),
	"AWSCloudFormationFullAccess":                          allow("cloudformation:*"),
	"AmazonRekognitionFullAccess":                          allow("rekognition:*"),
	"AmazonSageMakerFullAccess":                            withPassRole("sagemaker.amazonaws.com", "sagemaker:*", "s3:*", "logs:*"),
	"service-role/AWSQuicksightAthenaAccess":               allow("athena:*", "glue:Get*", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"),
	"service-role/AmazonS3ObjectLambdaExecutionRolePolicy": allow(append([]string{"s3-object-lambda:WriteGetObjectResponse"}, writeLogs...)...),
}

var writeLogs = []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}

func allow(actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"}]}`, strings.Join(actions, `","`))
}

// withPassRole also lets roles be given to one service.
func withPassRole(service string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"%s"}}}]}`,
		strings.Join(actions, `","`), service)
}
