# Set-up happens by itself: every target that needs it makes $(VENV) first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := $(if $(NANOGPT),--nanogpt $(NANOGPT))
TALKER := $(if $(MODEL),--model $(MODEL))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all fuzz check fmt bench docs clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

setup: $(READY)  ## make the virtual environment and install lumina into it

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "lumina needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bpe,chat,dev,export,fast,serve]'
	@touch $@

demo: $(READY)  ## train a small chatbot in about three minutes and hear it answer
	@mkdir -p demo
	@$(BIN)/lumina train --preset demo --out demo/Model.pth
	@for question in "Hello" "What is your name?" "What comes after Tuesday?" "What is 3 plus 4?"; do \
		echo; echo "you> $$question"; printf 'bot> '; \
		$(BIN)/lumina chat --model demo/Model.pth --prompt "$$question" || exit $$?; \
	done
	@echo; echo "Your turn: $(BIN)/lumina chat --model demo/Model.pth"

test: $(READY)  ## run the tests, on as many cores as there are (TESTS=PATH: only those)
	$(BIN)/python -m pytest -m "not slow and not gpu" -n auto --maxprocesses 4 --dist worksteal $(TESTS)

test-all: $(READY)  ## run the tests and the longer proofs, one after the other
	$(BIN)/python -m pytest

fuzz: EXAMPLES ?= 5000
fuzz: $(READY)  ## change files in every way and see that none does harm (EXAMPLES=N of each kind, SEED=N)
	LUMINA_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/fuzz $(if $(SEED),--hypothesis-seed=$(SEED))

check: $(READY)  ## exactly what CI runs: style, types, rooms, docs, and `make test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/make_cli_md.py --check
	$(MAKE) test

fmt: $(READY)  ## put the code into its usual form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: SHELL := /bin/bash -o pipefail
bench: $(READY)  ## measure speed on this machine, into bench/ (NANOGPT=PATH: beside nanoGPT; MODEL=FILE: guesses)
	@mkdir -p bench
	$(BIN)/python benchmarks/training.py $(PEERS) --json bench/training.json | tee bench/training.md
	$(BIN)/python benchmarks/generation.py $(PEERS) $(TALKER) --json bench/generation.json | tee bench/generation.md
	$(BIN)/python benchmarks/serving.py --json bench/serving.json | tee bench/serving.md
	$(BIN)/python benchmarks/scaling.py --json bench/scaling.json | tee bench/scaling.md
	$(BIN)/python benchmarks/startup.py --json bench/startup.json | tee bench/startup.md
	$(BIN)/python benchmarks/reading.py --json bench/reading.json | tee bench/reading.md

docs: $(READY)  ## write docs/cli.md and the man page anew from --help
	$(BIN)/python docs/make_cli_md.py

clean:  ## remove the virtual environment, the caches and the demo's model
	rm -rf $(VENV) demo bench build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
