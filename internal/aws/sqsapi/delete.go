package sqsapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

func (a *api) deleteMessage(ctx context.Context, c *protocol.Call, in *DeleteMessageRequest) (*DeleteMessageOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if in.ReceiptHandle == "" {
		return nil, missing("ReceiptHandle")
	}
	errs, err := a.Queues.DeleteMessages(ctx, r, []string{in.ReceiptHandle})
	if err != nil {
		return nil, err
	}
	return &DeleteMessageOutput{}, errs[0]
}

func (a *api) deleteBatch(ctx context.Context, c *protocol.Call, in *DeleteMessageBatchRequest) (*DeleteMessageBatchResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(in.Entries, func(e *DeleteMessageBatchRequestEntry) string { return e.Id }); err != nil {
		return nil, err
	}
	handles := make([]string, len(in.Entries))
	for i, e := range in.Entries {
		handles[i] = e.ReceiptHandle
	}
	errs, err := a.Queues.DeleteMessages(ctx, r, handles)
	if err != nil {
		return nil, err
	}
	out := &DeleteMessageBatchResult{}
	for i, e := range in.Entries {
		if errs[i] == nil {
			out.Successful = append(out.Successful, DeleteMessageBatchResultEntry{Id: e.Id})
		} else if f, ok := entryError(e.Id, errs[i]); ok {
			out.Failed = append(out.Failed, f)
		} else {
			return nil, errs[i]
		}
	}
	return out, nil
}

func (a *api) changeVisibility(ctx context.Context, c *protocol.Call, in *ChangeMessageVisibilityRequest) (*ChangeMessageVisibilityOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if in.ReceiptHandle == "" {
		return nil, missing("ReceiptHandle")
	}
	d, err := seconds("VisibilityTimeout", &in.VisibilityTimeout, queue.MaxVisibility)
	if err != nil {
		return nil, err
	}
	errs, err := a.Queues.ChangeVisibility(ctx, r, []queue.VisibilityChange{{Handle: in.ReceiptHandle, Visibility: *d}})
	if err != nil {
		return nil, err
	}
	return &ChangeMessageVisibilityOutput{}, errs[0]
}

func (a *api) changeVisibilityBatch(ctx context.Context, c *protocol.Call, in *ChangeMessageVisibilityBatchRequest) (*ChangeMessageVisibilityBatchResult, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkEntries(in.Entries, func(e *ChangeMessageVisibilityBatchRequestEntry) string { return e.Id }); err != nil {
		return nil, err
	}
	out := &ChangeMessageVisibilityBatchResult{}
	fail := func(id string, err error) error {
		f, ok := entryError(id, err)
		if !ok {
			return err
		}
		out.Failed = append(out.Failed, f)
		return nil
	}
	var list []queue.VisibilityChange
	var ids []string
	for i := range in.Entries {
		e := &in.Entries[i]
		var none int32
		if e.VisibilityTimeout == nil {
			e.VisibilityTimeout = &none
		}
		d, err := seconds("VisibilityTimeout", e.VisibilityTimeout, queue.MaxVisibility)
		if err != nil {
			if err := fail(e.Id, err); err != nil {
				return nil, err
			}
			continue
		}
		list, ids = append(list, queue.VisibilityChange{Handle: e.ReceiptHandle, Visibility: *d}), append(ids, e.Id)
	}
	errs, err := a.Queues.ChangeVisibility(ctx, r, list)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if errs[i] == nil {
			out.Successful = append(out.Successful, ChangeMessageVisibilityBatchResultEntry{Id: id})
		} else if err := fail(id, errs[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
