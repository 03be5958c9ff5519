package awsgen

import (
	"encoding/json"
	"fmt"
	"os"
)

// answerServices are services that Tarn does not serve and whose answers state machines are often tested with: Step
// Functions checks mocks of tasks against their models.
var answerServices = []string{"batch", "dynamodb", "ecs", "kms", "secretsmanager", "ssm"}

// Answers writes what the operations of services that are not served answer: a JSON object of a model for each, without
// inputs and errors.
func Answers(out string, models *Models) error {
	all := obj{}
	for _, name := range answerServices {
		m, err := models.load(name, Version)
		if err != nil {
			return err
		}
		p := &pruner{m: m, shapes: m["shapes"].(obj), ops: m["operations"].(obj)}
		used := map[string]bool{}
		for _, x := range p.ops {
			op := x.(obj)
			for k := range op {
				if k != "output" && k != "http" {
					delete(op, k)
				}
			}
			if r, ok := op["output"].(obj); ok {
				p.visit(r, used)
			}
		}
		for n, x := range p.shapes {
			if !used[n] {
				delete(p.shapes, n)
			}
			delete(x.(obj), "pattern")
		}
		p.dropKeys()
		all[name] = m
	}
	b, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode answers: %w", err)
	}
	packed, err := pack(b)
	if err != nil {
		return fmt.Errorf("compress answers: %w", err)
	}
	if err := os.WriteFile(out, packed, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return nil
}
