# `make up` installs and runs Perennial; `make test` passes its tests. Nothing else is needed but
# Python 3.11 to 3.13, make and git.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
RUN := .venv/bin/
export BENTOML_DO_NOT_TRACK := True

.PHONY: help up test test-all check format lock docs reference screenshots vendored bench-loop bench-gate bench-steps bench-serve bench-precision bench-overload bench-swap bench-isolation bench-ingest bench-faults bench-scale bench-evidence bench-transfer bench-adaptation bench-continual bench-round bench-classes bench-poison bench-drift bench-dashboard lab backbone clean

help: ## Show what make can do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: .venv/runtime ## Install (first time) and run the product: serving and learning
	@$(RUN)perennial up

# Empty is not set: a hundred tests start Python anew, each four seconds faster from bytecode.
test test-all: export PYTHONDONTWRITEBYTECODE :=
# Files side by side, each on one thread: torch's threads wait for each other where a core is shared.
test test-all: export OMP_NUM_THREADS := 1
JOBS ?= 2
PYTEST := $(RUN)python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: .venv/dev ## Run the tests (some 8 minutes on 2 cores): JOBS=n files side by side
	@$(PYTEST)

test-all: .venv/dev ## Run the slow tests too
	@$(PYTEST) -m "not gpu"

check: .venv/dev ## Lint, types, layers
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports

format: .venv/dev ## Format the code
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

lock: $(UV) ## Solve the dependencies again
	$(UV) pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra lite --extra postgres pyproject.toml -o requirements.lock
	$(UV) pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(UV) pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group docs -c requirements-dev.lock -o requirements-docs.lock

docs: .venv-docs/installed ## Build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict -q
	@! grep -rlE 'src="https?:' site || { echo "These pages load something from elsewhere."; exit 1; }
	@echo "The site is in site/: open site/index.html"

reference: .venv/dev ## Write the generated pages, and the README's figures, again
	@$(RUN)python -m docs.generator

screenshots: .venv/dev ## Take the pictures of a running dashboard, with chromium: URL=address
	@$(RUN)python -m docs.screenshots $(URL)

vendored: .venv/dev ## Bring the files of others that the pages use, with npm
	@$(RUN)python -m scripts.vendored

SEED ?= 0
bench-loop: .venv/dev ## The loop on drifted photographs: DATA=archive SEED=n MODE=a,b TRAINED=folder of first versions
	@$(RUN)python -m benchmarks.loop --seed $(SEED) $(if $(MODE),--mode $(MODE)) $(if $(DATA),--data $(DATA)) $(if $(TRAINED),--trained $(TRAINED))

bench-gate: .venv/dev ## How often the gate and the watch err, ten minutes a seed: SEED=0,1,2 are recorded
	@$(RUN)python -m benchmarks.gate --seed $(SEED)

bench-steps: .venv/dev ## What each step of an image's path costs on one core: DATA=folder
	@$(RUN)python -m benchmarks.serving.steps $(if $(DATA),--data $(DATA))

bench-serve: .venv/bench ## Images a second beside other servers and the machine's limit: DATA=folder BEFORE=commit
	@$(RUN)python -m benchmarks.serving.serve $(if $(DATA),--data $(DATA)) $(if $(BEFORE),--before $(BEFORE))

bench-precision: .venv/dev ## What rounding changes in answers and time, for four networks: NETWORKS=a,b
	@$(RUN)python -m benchmarks.precision $(if $(NETWORKS),--networks $(NETWORKS))

bench-overload: .venv/dev ## Twice as many images as can be answered, for a minute: DATA=folder
	@$(RUN)python -m benchmarks.serving.overload $(if $(DATA),--data $(DATA))

bench-swap: .venv/dev ## Twenty promotions in ten thousand requests: DATA=folder
	@$(RUN)python -m benchmarks.serving.swap $(if $(DATA),--data $(DATA))

bench-isolation: .venv/dev ## Serving beside a round: DATA=folder
	@$(RUN)python -m benchmarks.serving.isolation $(if $(DATA),--data $(DATA))

bench-ingest: .venv/dev ## Feedback with a thousand and a million rows, and after a kill: DATA=folder
	@$(RUN)python -m benchmarks.serving.ingest $(if $(DATA),--data $(DATA))

KILLS ?= 20
bench-faults: .venv/dev ## Full disk, locks, kills and floods under load, half an hour, as root: KILLS=n
	@$(RUN)python -m benchmarks.faults --kills $(KILLS)

bench-scale: .venv/dev ## What grows with what, half an hour: DATA=folder
	@$(RUN)python -m benchmarks.scale $(if $(DATA),--data $(DATA))

bench-evidence: .venv/dev ## How long evidence is read at ten million logged predictions, a few minutes
	@$(RUN)python -m benchmarks.evidence

bench-dashboard: .venv/dev ## How fast pages are at a million predictions, 200 rounds, 1,000 classes; needs chromium: SEED=n
	@$(RUN)python -m benchmarks.dashboard --seed $(SEED)

STRATEGIES ?= linear_probe
ENSEMBLES ?= linear_probe
bench-transfer: .venv/dev ## What pretrained features are worth with few images: STRATEGIES=a,b ENSEMBLES=a,b SEED=n
	@$(RUN)python -m benchmarks.transfer $(if $(filter command line,$(origin SEED)),--seed $(SEED)) --strategies $(STRATEGIES) --ensembles $(ENSEMBLES)

bench-adaptation: .venv/dev ## What a shift of domain costs, and which adaptation wins it back: SEED=0,1,2
	@$(RUN)python -m benchmarks.adaptation $(if $(filter command line,$(origin SEED)),--seed $(SEED))

bench-round: .venv/dev ## One round beside that of an earlier release and a plain loop: SEED=0,1,2,3,4
	@$(RUN)python -m benchmarks.rounds --seed $(SEED)

bench-continual: .venv/dev ## Drifts one after another, beside what a specialist would write, 20 minutes a seed: SEED=n ROUNDS=n
	@$(RUN)python -m benchmarks.continual --seed $(SEED) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-classes: .venv/dev ## Two new classes among known photographs, learnt by a round: SEED=0,1,2
	@$(RUN)python -m benchmarks.classes --seed $(SEED)

bench-poison: .venv/dev ## A source that flips its labels beside honest ones, ten minutes a seed: SEED=n
	@$(RUN)python -m benchmarks.poison --seed $(SEED)

bench-drift: .venv/dev ## False alarms and delays of drift's alarm, half an hour: SEED=n STREAMS=n
	@$(RUN)python -m benchmarks.drift --seed $(SEED) $(if $(STREAMS),--streams $(STREAMS))

SEEDS ?= 3
lab: .venv/dev ## The six experiments on a folder of images, as a table: DATA=folder SEEDS=n
	@$(RUN)python -m benchmarks.lab --seeds $(SEEDS) $(if $(DATA),--data $(DATA))

backbone: .venv/dev ## Make the bundled backbone again (hours): DATA=archive OUT=folder; goes on where it was cut
	@$(RUN)python -m benchmarks.backbone.distil $(if $(DATA),--data $(DATA)) --out $(or $(OUT),benchmarks/cache/backbone)
	@$(RUN)python -m benchmarks.backbone.export --out $(or $(OUT),benchmarks/cache/backbone)

clean: ## Remove what was installed; the state in .perennial stays
	rm -rf .venv .venv-docs .tools

.venv/bin/python: | $(UV)
	@echo "Making a virtual environment in .venv"
	@$(UV) venv -q --allow-existing --python '>=3.11,<3.14' .venv

.venv/runtime: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing Perennial and PyTorch: about 5 GB on disk, from under a minute to several, by your network"
	@$(UV) pip install --python .venv/bin/python -r requirements.lock
	@$(UV) pip install -q --python .venv/bin/python --no-deps -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	@echo "Installing what the tests and checks need"
	@$(UV) pip install --python .venv/bin/python -r requirements-dev.lock
	@touch $@

.venv-docs/installed: requirements-docs.lock | $(UV)
	@echo "Installing what builds the documentation"
	@$(UV) venv -q --allow-existing --python '>=3.11,<3.14' .venv-docs
	@$(UV) pip install -q --python .venv-docs/bin/python -r requirements-docs.lock
	@touch $@

.venv/bench: pyproject.toml .venv/dev
	@echo "Installing what is measured beside"
	@$(UV) pip install -q --python .venv/bin/python --group bench -c requirements-dev.lock
	@touch $@

.tools/bin/uv:
	@echo "uv was not found: bringing it into .tools"
	@$(PYTHON) -m venv .tools 2>/dev/null && .tools/bin/python -m pip install -q uv \
		|| $(PYTHON) -m pip install -q --target .tools uv \
		|| { echo "Could not install uv. Expected Python 3.11 to 3.13 with pip as '$(PYTHON)'; set PYTHON=… or install uv, then retry."; exit 1; }
