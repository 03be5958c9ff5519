// Package sfnapi is the wire of AWS Step Functions: it turns requests into calls of the workflow engine.
package sfnapi

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/tarn-data/tarn/internal/aws/model"
)

//go:embed model_gen.json.gz
var packed []byte

//go:embed answers_gen.json.gz
var packedAnswers []byte

// answers are the models of services that Tarn does not serve, for the checks of mocks, by the SDK's name.
var answers = sync.OnceValue(func() map[string]*model.Model {
	all, err := unpackAnswers(packedAnswers)
	if err != nil {
		panic(err) // embedded: a test reads it
	}
	return all
})

func unpackAnswers(packed []byte) (map[string]*model.Model, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack answers: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.NewDecoder(z).Decode(&raw); err != nil {
		return nil, fmt.Errorf("read answers: %w", err)
	}
	all := map[string]*model.Model{}
	for name, text := range raw {
		if all[name], err = model.Parse(text); err != nil {
			return nil, fmt.Errorf("answers of %s: %w", name, err)
		}
	}
	return all, nil
}

// Model returns the service's model. It is parsed on first use.
var Model = sync.OnceValue(func() *model.Model { return model.MustParseGzip(packed) })
