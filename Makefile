# Tarn: run `make` for the list of targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

GO ?= go
PYTHON ?= python3
LDFLAGS := -s -w
# mold or lld halve the time of an incremental link; the default linker does as well.
LINKER := $(shell command -v mold >/dev/null 2>&1 && echo -fuse-ld=mold || { command -v ld.lld >/dev/null 2>&1 && echo -fuse-ld=lld; })
ifneq ($(LINKER),)
LDFLAGS += -extldflags=$(LINKER)
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## build ./tarn
	@source scripts/debian.sh; need "c++ --version" g++
	$(GO) build -ldflags '$(LDFLAGS)' -o tarn ./cmd/tarn

.PHONY: demo
demo: build ## run a real pipeline end to end on a fresh Tarn
	scripts/demo.sh

.PHONY: test
test: build lint ## everything that must hold: formatting, vet, unit tests, real clients against the binary
	$(GO) test ./...
	scripts/wire.sh

.PHONY: wire
wire: build ## real clients against the binary (a part of test)
	scripts/wire.sh

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60 s)
	scripts/fuzz.sh $(or $(FUZZTIME),60s)

.PHONY: lint
lint: ## formatting and vet
	@unformatted=$$(gofmt -l cmd internal test); [ -z "$$unformatted" ] || { echo "gofmt these files:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...

.PHONY: bench
bench: build bench-code ## Tarn over HTTP beside the machine's limits and peers (ONLY = s3,sqs…; TIME = 2s; REPS = 3), and the benchmarks beside the code
	$(GO) run ./test/bench -tarn ./tarn -cache .cache/bench $(if $(ONLY),-only $(ONLY)) -time $(or $(TIME),2s) -reps $(or $(REPS),3)

.PHONY: bench-code
bench-code: ## the benchmarks beside the code (BENCH = a pattern, BENCHTIME = 1s)
	$(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -benchtime $(or $(BENCHTIME),1s) $$(grep -rl --include='*_test.go' '^func Benchmark' internal | xargs -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: race
race: ## the unit tests under the race detector
	$(GO) test -race ./...

.PHONY: generate
generate: .cache/botocore/done ## AWS types, models and docs/api from botocore's models (needs PyPI); the Java bootstrap (needs javac)
	$(GO) run ./internal/aws/awsgen/cmd/awsgen
	$(GO) run ./internal/function/javaruntime/cmd/javaruntime
	$(GO) run ./internal/aws/awsgen/cmd/awsgen -answers -o internal/aws/sfnapi/answers_gen.json.gz
	for f in internal/aws/protocol/testdata/models/*.txt; do $(GO) run ./internal/aws/awsgen/cmd/awsgen -support $$f -o $${f%.txt}.json.gz || exit 1; done

.cache/botocore/done: internal/aws/awsgen/wheel.go
	mkdir -p .cache/botocore
	$(PYTHON) -m pip download -q --no-deps -d .cache/botocore botocore==1.44.5
	$(PYTHON) -m pip download -q --no-deps -d .cache/botocore botocore==1.31.80
	touch $@

.PHONY: conformance
conformance: ## with TARN_ASL_CASES = a folder of cases recorded on AWS Step Functions: how many are equal; without: record the answers of Apache Spark that the job engine Sail is held to (needs Java 17 and PyPI)
ifdef TARN_ASL_CASES
	source scripts/debian.sh; source scripts/python.sh; python=$$(python_env asl internal/aws/sfnapi/testdata/requirements.txt) && \
	  TARN_PYTHON=$$python TARN_ASL_CASES=$(abspath $(TARN_ASL_CASES)) $(GO) test ./internal/aws/sfnapi -count 1 -run RecordedCases -v
else
	source scripts/debian.sh; source scripts/python.sh; python=$$(python_env spark internal/etl/conformance/requirements.txt) && \
	  PYSPARK_PYTHON=$$python $$python internal/etl/conformance/run.py spark internal/etl/conformance/answers.json
endif

.PHONY: clean
clean: ## remove what was built
	rm -rf tarn .cache
