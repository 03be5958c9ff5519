package sqsapi

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/queue"
)

// maxActions is how many actions a statement that AddPermission makes can have.
const maxActions = 7

func (a *api) addPermission(ctx context.Context, c *protocol.Call, in *AddPermissionRequest) (*AddPermissionOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Label == "":
		return nil, missing("Label")
	case len(in.Label) > 80:
		return nil, badParameter("Label", in.Label, "at most 80 characters.")
	case len(in.AWSAccountIds) == 0:
		return nil, missing("AWSAccountIds")
	case len(in.Actions) == 0:
		return nil, missing("Actions")
	case len(in.Actions) > maxActions:
		return nil, &protocol.Error{Code: Code_OverLimit, Message: "7 Actions were found, maximum allowed is 7."}
	}
	return &AddPermissionOutput{}, a.editPolicy(ctx, r, func(list []map[string]any) ([]map[string]any, error) {
		if slices.ContainsFunc(list, func(s map[string]any) bool { return s["Sid"] == in.Label }) {
			return nil, badParameter("Label", in.Label, "Already exists.")
		}
		var who, what []string
		for _, id := range in.AWSAccountIds {
			who = append(who, "arn:aws:iam::"+id+":root")
		}
		for _, n := range in.Actions {
			what = append(what, "SQS:"+n)
		}
		return append(list, map[string]any{"Sid": in.Label, "Effect": "Allow", "Principal": map[string]any{"AWS": single(who)}, "Action": single(what), "Resource": r.ARN()}), nil
	})
}

// single is a list as policies have it: a list of one is written as its element.
func single(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func (a *api) removePermission(ctx context.Context, c *protocol.Call, in *RemovePermissionRequest) (*RemovePermissionOutput, error) {
	r, err := parseURL(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &RemovePermissionOutput{}, a.editPolicy(ctx, r, func(list []map[string]any) ([]map[string]any, error) {
		i := slices.IndexFunc(list, func(s map[string]any) bool { return s["Sid"] == in.Label })
		if i < 0 {
			return nil, badParameter("Label", in.Label, "can't find label.")
		}
		return slices.Delete(list, i, i+1), nil
	})
}

// editPolicy changes the statements of a queue's policy.
func (a *api) editPolicy(ctx context.Context, r queue.Ref, edit func([]map[string]any) ([]map[string]any, error)) error {
	return a.Queues.Configure(ctx, r, func(s *queue.Settings) error {
		doc := map[string]any{"Version": "2008-10-17", "Id": r.ARN() + "/SQSDefaultPolicy"}
		var list []map[string]any
		if s.Policy != "" {
			if err := json.Unmarshal([]byte(s.Policy), &doc); err != nil {
				return err
			}
			switch old := doc["Statement"].(type) {
			case []any:
				for _, e := range old {
					if m, ok := e.(map[string]any); ok {
						list = append(list, m)
					}
				}
			case map[string]any:
				list = append(list, old)
			}
		}
		list, err := edit(list)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			s.Policy = ""
			return nil
		}
		doc["Statement"] = list
		text, err := json.Marshal(doc)
		s.Policy = string(text)
		return err
	})
}
