package sqsapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/queue"
)

// Options of the service.
type Options struct {
	Queues *queue.Engine
	// Endpoint is where the server is reached; it begins the URLs of queues where a request does not say how it came.
	Endpoint func() string
	// Count is told of each request, in units of 64 KiB, with the queue's ARN; nil = nobody counts.
	Count func(c *protocol.Call, queue string, units int)
}

type api struct{ Options }

// New returns the operation table of Amazon SQS.
func New(o Options) *protocol.Service {
	a := &api{o}
	s := &protocol.Service{
		// The only constraints of SQS's model are the names of attributes.
		Name: "sqs", Model: Model, MapError: mapError, ResourcePolicy: a.resourcePolicy,
		ValidationCode: Code_InvalidAttributeName, MissingCode: "MissingParameter", UnsupportedCode: Code_UnsupportedOperation, AccessDeniedCode: "AccessDenied", ThrottlingCode: Code_RequestThrottled, Parameters: completeForm, QueryDetail: true,
		QueryCodes: map[string]string{"InvalidParameterValue": "InvalidParameterValueException", "MissingParameter": "MissingRequiredParameterException"},
		Ops: []protocol.Op{
			protocol.Handle("CreateQueue", func(c *protocol.Call, r *CreateQueueRequest) []string { return []string{c.ARN("sqs", r.QueueName)} }, a.createQueue),
			protocol.Handle("DeleteQueue", queueOf(func(r *DeleteQueueRequest) string { return r.QueueUrl }), a.deleteQueue),
			protocol.Handle("GetQueueUrl", func(c *protocol.Call, r *GetQueueUrlRequest) []string {
				return []string{queue.Ref{Scope: ident.Scope{Account: protocol.Or(r.QueueOwnerAWSAccountId, c.Account), Region: c.Region}, Name: r.QueueName}.ARN()}
			}, a.getQueueURL),
			protocol.Handle("ListQueues", func(c *protocol.Call, _ *ListQueuesRequest) []string { return []string{c.ARN("sqs", "*")} }, a.listQueues),
			protocol.Handle("GetQueueAttributes", queueOf(func(r *GetQueueAttributesRequest) string { return r.QueueUrl }), a.getAttributes),
			protocol.Handle("SetQueueAttributes", queueOf(func(r *SetQueueAttributesRequest) string { return r.QueueUrl }), a.setAttributes),
			protocol.Handle("PurgeQueue", queueOf(func(r *PurgeQueueRequest) string { return r.QueueUrl }), a.purge),
			protocol.Handle("ListDeadLetterSourceQueues", queueOf(func(r *ListDeadLetterSourceQueuesRequest) string { return r.QueueUrl }), a.listSources),
			protocol.Handle("TagQueue", queueOf(func(r *TagQueueRequest) string { return r.QueueUrl }), a.tag),
			protocol.Handle("UntagQueue", queueOf(func(r *UntagQueueRequest) string { return r.QueueUrl }), a.untag),
			protocol.Handle("ListQueueTags", queueOf(func(r *ListQueueTagsRequest) string { return r.QueueUrl }), a.listTags),
			protocol.Handle("AddPermission", queueOf(func(r *AddPermissionRequest) string { return r.QueueUrl }), a.addPermission),
			protocol.Handle("RemovePermission", queueOf(func(r *RemovePermissionRequest) string { return r.QueueUrl }), a.removePermission),

			protocol.Handle("SendMessage", queueOf(func(r *SendMessageRequest) string { return r.QueueUrl }), a.send),
			protocol.Handle("SendMessageBatch", queueOf(func(r *SendMessageBatchRequest) string { return r.QueueUrl }), a.sendBatch).As("sqs:SendMessage"),
			protocol.Handle("ReceiveMessage", queueOf(func(r *ReceiveMessageRequest) string { return r.QueueUrl }), a.receive),
			protocol.Handle("DeleteMessage", queueOf(func(r *DeleteMessageRequest) string { return r.QueueUrl }), a.deleteMessage),
			protocol.Handle("DeleteMessageBatch", queueOf(func(r *DeleteMessageBatchRequest) string { return r.QueueUrl }), a.deleteBatch).As("sqs:DeleteMessage"),
			protocol.Handle("ChangeMessageVisibility", queueOf(func(r *ChangeMessageVisibilityRequest) string { return r.QueueUrl }), a.changeVisibility),
			protocol.Handle("ChangeMessageVisibilityBatch", queueOf(func(r *ChangeMessageVisibilityBatchRequest) string { return r.QueueUrl }), a.changeVisibilityBatch).As("sqs:ChangeMessageVisibility"),

			protocol.Handle("StartMessageMoveTask", func(_ *protocol.Call, r *StartMessageMoveTaskRequest) []string { return []string{r.SourceArn} }, a.startMove),
			protocol.Handle("ListMessageMoveTasks", func(_ *protocol.Call, r *ListMessageMoveTasksRequest) []string { return []string{r.SourceArn} }, a.listMoves),
			protocol.Handle("CancelMessageMoveTask", func(c *protocol.Call, r *CancelMessageMoveTaskRequest) []string {
				return []string{cmp.Or(queue.TaskSource(r.TaskHandle), c.ARN("sqs", "*"))}
			}, a.cancelMove),
		},
	}
	if o.Count != nil {
		for i := range s.Ops {
			s.Ops[i] = a.counted(s.Ops[i])
		}
	}
	return s
}

// billed is how many bytes AWS bills as one request.
const billed = 64 << 10

// counted returns the row with Count told of what it does.
func (a *api) counted(op protocol.Op) protocol.Op {
	serve := op.Serve
	op.Serve = func(ctx context.Context, c *protocol.Call, in any) (any, error) {
		name, length := c.ARN("sqs", "*"), 0
		if op.Resources != nil {
			name = op.Resources(c, in)[0]
		}
		if c.HTTP != nil {
			length = int(max(c.HTTP.ContentLength, 0))
		}
		count := func(c *protocol.Call, out any, err error) (any, error) {
			size := length
			if r, ok := out.(*ReceiveMessageResult); ok && err == nil {
				for i := range r.Messages {
					size += len(protocol.Or(r.Messages[i].Body, ""))
				}
			}
			a.Count(c, name, max(1, (size+billed-1)/billed))
			return out, err
		}
		out, err := serve(ctx, c, in)
		if later := (*protocol.Later)(nil); errors.As(err, &later) {
			waiting := *c
			waiting.HTTP = nil
			return nil, &protocol.Later{Then: func(ctx context.Context) (any, error) {
				out, err := later.Then(ctx)
				return count(&waiting, out, err)
			}}
		}
		return count(c, out, err)
	}
	return op
}

// completeForm takes the queue from the path where the parameters name none: older clients send to the queue's URL. There, only
// what is done with a queue is known, and GetQueueUrl. A batch without entries has no parameters that say so.
func completeForm(r *http.Request, form url.Values) *protocol.Error {
	if entry, ok := strings.CutSuffix(form.Get("Action"), "Batch"); ok && Model().Ops[entry+"Batch"] != nil {
		entry += "BatchRequestEntry"
		empty := true
		for k := range form {
			empty = empty && !strings.HasPrefix(k, entry+".")
		}
		if empty {
			return &protocol.Error{Code: Code_EmptyBatchRequest, Message: "There should be at least one " + entry + " in the request."}
		}
	}
	if strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 0 {
		return nil
	}
	if !form.Has("QueueUrl") {
		form.Set("QueueUrl", r.URL.Path)
	}
	name := form.Get("Action")
	op := Model().Ops[name]
	if name != "" && name != "GetQueueUrl" && (op == nil || op.In == nil || !slices.ContainsFunc(op.In.Members, func(m *model.Member) bool { return m.Name == "QueueUrl" })) {
		return &protocol.Error{Code: "InvalidAction", Message: "The action " + name + " is not valid for this endpoint."}
	}
	return nil
}

// queueOf names the queue that a request is about.
func queueOf[In any](queueURL func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		r, err := parseURL(c, queueURL(in))
		if err != nil {
			return []string{c.ARN("sqs", "")} // the handler refuses it with the reason
		}
		return []string{r.ARN()}
	}
}

// parseURL reads the URL of a queue. Its host says nothing but, where it is AWS's, the region: the path names account and queue.
// A bare name stands for a queue of the caller, as the command line accepts it.
func parseURL(c *protocol.Call, s string) (queue.Ref, error) {
	if s == "" {
		return queue.Ref{}, missing("QueueUrl")
	}
	if account, name, ok := plainURL(s); ok {
		return queue.Ref{Scope: ident.Scope{Account: account, Region: c.Region}, Name: name}, nil
	}
	bad := &protocol.Error{Code: Code_InvalidAddress, Message: "The address " + s + " is not valid for this endpoint."}
	u, err := url.Parse(s)
	if err != nil {
		return queue.Ref{}, bad
	}
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(path) >= 2 && path[0] == "queue" { // path style of other servers: /queue/REGION/ACCOUNT/NAME
		path = path[max(1, len(path)-2):]
	}
	switch {
	case len(path) == 2 && path[0] != "" && path[1] != "":
		return queue.Ref{Scope: ident.Scope{Account: path[0], Region: c.Region}, Name: path[1]}, nil
	case len(path) == 1 && path[0] != "" && u.Host == "":
		return queue.Ref{Scope: c.Scope, Name: path[0]}, nil
	}
	return queue.Ref{}, bad
}

// plainURL reads http(s)://HOST/ACCOUNT/NAME, as nearly all URLs of queues are, at a tenth of the cost of url.Parse.
func plainURL(s string) (account, name string, ok bool) {
	rest, ok := strings.CutPrefix(s, "http")
	if !ok {
		return "", "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimPrefix(rest, "s"), "://")
	if !ok {
		return "", "", false
	}
	host, path, _ := strings.Cut(rest, "/")
	account, name, ok = strings.Cut(path, "/")
	if !ok || host == "" || account == "" || name == "" || account == "queue" {
		return "", "", false
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':' && i < len(host):
		case c == '/' && (i == len(host) || i == len(host)+1+len(account)):
		default:
			return "", "", false
		}
	}
	return account, name, true
}

// url returns the address of a queue, on the host that the request came to.
func (a *api) url(c *protocol.Call, r queue.Ref) *string {
	base := a.Endpoint()
	if c.HTTP != nil && c.HTTP.Host != "" {
		scheme := "http://"
		if c.Secure {
			scheme = "https://"
		}
		base = scheme + c.HTTP.Host
	}
	s := base + "/" + r.Account + "/" + r.Name
	return &s
}

// ownersOnly are the operations that a queue's policy cannot let other accounts do.
//
// Source: "Basic examples of Amazon SQS policies" in the Amazon SQS developer guide.
var ownersOnly = map[string]bool{
	"AddPermission": true, "CancelMessageMoveTask": true, "CreateQueue": true, "DeleteQueue": true, "ListMessageMoveTasks": true, "ListQueues": true, "ListQueueTags": true,
	"RemovePermission": true, "SetQueueAttributes": true, "StartMessageMoveTask": true, "TagQueue": true, "UntagQueue": true,
}

func (a *api) resourcePolicy(_ context.Context, c *protocol.Call, resource string) (*policy.Document, string, error) {
	r, ok := queue.ParseARN(resource)
	if !ok {
		return nil, "", nil
	}
	if ownersOnly[c.Operation] && c.Principal.Account != r.Account {
		return nil, r.Account, nil
	}
	doc, err := a.Queues.Policy(r)
	if err != nil {
		return nil, r.Account, nil // no such queue: the handler tells
	}
	return doc, r.Account, nil
}

func missing(name string) error {
	return &protocol.Error{Code: "MissingParameter", Status: http.StatusBadRequest, Message: "The request must contain the parameter " + name + "."}
}

func badParameter(name, value, reason string) error {
	return &protocol.Error{Code: "InvalidParameterValue", Message: "Value " + value + " for parameter " + name + " is invalid. Reason: " + reason}
}
