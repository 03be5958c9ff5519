package meter

// Unit is what AWS bills for. Its value is "service:what".
type Unit string

// The units.
const (
	S3Tier1          Unit = "s3:tier1-requests"        // PUT, COPY, POST, LIST
	S3Tier2          Unit = "s3:tier2-requests"        // GET and all others
	LambdaRequests   Unit = "lambda:requests"          // invocations
	LambdaGBSeconds  Unit = "lambda:gb-seconds"        // configured memory × billed duration
	StateTransitions Unit = "states:transitions"       // standard executions
	ExpressRequests  Unit = "states:express-requests"  // express executions
	ExpressGBSeconds Unit = "states:express-gb-second" // express memory × duration
	CrawlerDPUHours  Unit = "glue:crawler-dpu-hours"
	JobDPUHours      Unit = "glue:job-dpu-hours"
	CatalogRequests  Unit = "glue:catalog-requests"
	AthenaBytes      Unit = "athena:bytes-scanned" // after rounding up to 10 MB a query
	SQSRequests      Unit = "sqs:requests"         // 64 KiB each
	SNSPublishes     Unit = "sns:publishes"
	EventsPublished  Unit = "events:published"
	LogsBytes        Unit = "logs:bytes-ingested"
)

// Price is AWS's list price of a unit.
type Price struct {
	Per   float64 // units that Cents buys
	Cents float64 // US cents
	Note  string  // how the unit reads in a bill
}

// Prices are the list prices of us-east-1 (first tier, without the free tier), as AWS's pricing pages had them in
// November 2026. They are for orientation: a bill depends on region, tier and contract.
var Prices = map[Unit]Price{
	S3Tier1:          {Per: 1000, Cents: 0.5, Note: "PUT, COPY, POST, LIST requests"},
	S3Tier2:          {Per: 1000, Cents: 0.04, Note: "GET and other requests"},
	LambdaRequests:   {Per: 1e6, Cents: 20, Note: "requests"},
	LambdaGBSeconds:  {Per: 1, Cents: 0.00166667, Note: "GB-seconds"},
	StateTransitions: {Per: 1000, Cents: 2.5, Note: "state transitions"},
	ExpressRequests:  {Per: 1e6, Cents: 100, Note: "express requests"},
	ExpressGBSeconds: {Per: 1, Cents: 0.001667, Note: "express GB-seconds"},
	CrawlerDPUHours:  {Per: 1, Cents: 44, Note: "crawler DPU-hours"},
	JobDPUHours:      {Per: 1, Cents: 44, Note: "job DPU-hours"},
	CatalogRequests:  {Per: 1e6, Cents: 100, Note: "catalog requests"},
	AthenaBytes:      {Per: 1e12, Cents: 500, Note: "bytes scanned"},
	SQSRequests:      {Per: 1e6, Cents: 40, Note: "requests"},
	SNSPublishes:     {Per: 1e6, Cents: 50, Note: "publishes"},
	EventsPublished:  {Per: 1e6, Cents: 100, Note: "events"},
	LogsBytes:        {Per: 1e9, Cents: 50, Note: "bytes ingested"},
}

// Cents returns what quantity of u costs at list price; ok is false for a unit without one.
func Cents(u Unit, quantity float64) (cents float64, ok bool) {
	p, ok := Prices[u]
	if !ok {
		return 0, false
	}
	return quantity / p.Per * p.Cents, true
}
