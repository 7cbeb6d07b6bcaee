# Everything here stands on install.sh; a second run does only what is left to do.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SILENT:

VENV ?= .venv
DIST ?= dist
Q ?= What phases did Biden's proposal have?
# The question reaches the command through the environment, letter for letter: neither make nor the shell reads it.
override Q := $(value Q)
export Q

BIN := $(VENV)/bin
INDEX := .citewell/index

.PHONY: help setup seeds ask serve test check eval results docs bench wheel image-check clean

help: ## list these targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## install everything into .venv (a moment when it is there)
	./install.sh --yes --venv "$(VENV)" >&2

ask: setup seeds ## ask about the seed documents: make ask Q='...'
	exec "$(BIN)/citewell" ask --index "$(INDEX)" -- "$$Q"

serve: setup seeds ## answer over HTTP on 127.0.0.1:8000, about the seed documents
	exec "$(BIN)/citewell" serve --index "$(INDEX)"

seeds: setup
	mkdir -p "$(INDEX)"
	now=$$(find index seeds/documents -type f -not -path '*/__pycache__/*' -print0 | sort -z | xargs -0 cksum | cksum)
	if [[ $$now != "$$(cat "$(INDEX)/.seeds" 2>/dev/null || true)" ]]; then
	    "$(BIN)/citewell" index add seeds/documents --index "$(INDEX)" >&2
	    printf '%s\n' "$$now" >"$(INDEX)/.seeds"
	fi

test: setup ## run all tests, or those of a tier: make test TIER='not model'
	"$(BIN)/pytest" -q $(if $(TIER),-m "$(TIER)")

check: setup ## lint, format, types and import contracts
	"$(BIN)/ruff" check
	"$(BIN)/ruff" format --check
	"$(BIN)/mypy"
	"$(BIN)/lint-imports" --no-logo

eval: setup seeds ## how many of the seed questions are answered rightly
	"$(BIN)/citewell" eval run seeds/questions.jsonl --index "$(INDEX)"

results: setup ## write eval/RESULTS.md anew from eval/baselines
	"$(BIN)/python" -P -m eval.results

bench: eval ## seeds, speed and memory, 504 questions, BM25 by known figures, load, 100 kills, a million chunks (long)
	CITEWELL_INDEX="$(INDEX)" "$(BIN)/python" -P -m eval.speed seeds/questions.jsonl
	"$(BIN)/pytest" -q -s tests/bench_reference.py tests/soak_eval.py tests/soak_http.py tests/soak_kills.py \
	    tests/soak_speed.py

docs: setup ## write the generated parts of README.md and docs/ anew from the code
	"$(BIN)/python" -P docs/generate.py

wheel: setup ## build the wheel into dist/
	isolation=; if "$(BIN)/python" -c 'import hatchling' 2>/dev/null; then isolation=--no-isolation; fi
	PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	    "$(BIN)/python" -m build --wheel $$isolation --outdir "$(DIST)"

image-check: ## prove the Dockerfile in a bare Debian root, without a container engine (as root)
	python3 tests/image_check.py $(if $(IMAGE_CACHE),--cache "$(IMAGE_CACHE)")

clean: ## remove build outputs and caches; .venv and .citewell stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find index service eval tests -name __pycache__ -type d -prune -exec rm -rf {} +

.ONESHELL:
