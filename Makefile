# Each target sets up what it needs in .venv and can be run again. PYTHON=/path/to/python3.13 chooses the interpreter.
.DEFAULT_GOAL := help
.PHONY: help run test coverage bare mutants mutation soak templates check diff deploy smoke status rollback destroy docs site baseline package \
	bench bench-compare dev glue awscli lint format lock clean

BIN := .venv/bin
PACKAGES := ceap templates handlers guard_rules
SETS := $(wildcard handlers/packages/*.txt)
UV ?= uv
export PYTHON UV

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

WORKFLOW ?= $(basename $(notdir $(firstword $(wildcard workflows/realtime.yaml workflows/*.yaml))))

run: .venv/ready ## the main job: templates, policy verdict, a message through a workflow on this machine (WORKFLOW=realtime)
	@$(BIN)/ceap synth
	@$(BIN)/ceap check
	@$(BIN)/ceap run workflows/$(WORKFLOW).yaml

# A file's tests share what it deploys. The longest files come first, see tests/conftest.py.
SHARED := --dist loadfile --no-loadscope-reorder

test: lint ## the whole test suite; tests of Glue jobs are skipped, and counted, until make glue has run
	@$(BIN)/pytest -q -n auto --maxprocesses 8 $(SHARED)

coverage: .venv/dev ## measure the branch coverage of templates, handlers, ceap and glue; fails below 97 %
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n auto --maxprocesses 8 $(SHARED)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

bare: .venv/dev ## prove that the framework stands without the sample: its tests, make check, make run, in a copy
	@$(BIN)/python -m tests.bare

mutants: .venv/dev ## change every scalar of the tests' own templates and see that something notices; takes minutes
	@$(BIN)/python -m tests.policy.leaf_mutants

mutation: .venv/dev ## change lines of the sources, one at a time in a copy, and see that a test fails (SEED=1 ARGS=handlers)
	@$(BIN)/python -m tests.mutation --seed $(or $(SEED),1) $(ARGS)

soak: .venv/dev ## send 2,000 messages through faults, 10,000 through a warm workflow, print tables; takes long (SEEDS="1 2")
	@MESSAGES=$(or $(MESSAGES),2000) SEEDS="$(or $(SEEDS),1 2 3 4)" WARM=$(or $(WARM),10000) \
		$(BIN)/python -m tests.local.faults.soak

templates: .venv/ready ## write generated/ from workflows/
	@$(BIN)/ceap synth

check: .venv/ready ## judge the committed templates: fresh, valid, every policy rule kept
	@$(BIN)/ceap check

# What is deployed: ENV=dev names the environment, WORKFLOW=realtime the workflow, ARGS=--yes gives more options.
TO = workflows/$(WORKFLOW).yaml --env $(or $(ENV),$(error ENV is missing: say ENV=dev)) $(ARGS)

diff: .venv/ready ## what the committed templates change: against main, or what is deployed (ENV= WORKFLOW=)
	@$(BIN)/ceap diff $(if $(ENV),generated/$(WORKFLOW).template.yaml --deployed --env $(ENV)) $(ARGS)

deploy: .venv/ready ## judge, then deploy the foundation and a workflow, after a question (ENV= WORKFLOW=)
	@$(BIN)/ceap check
	@$(BIN)/ceap deploy $(TO)

smoke: .venv/ready ## send a message through a deployed workflow, and look at what comes of it (ENV= WORKFLOW=)
	@$(BIN)/ceap smoke $(TO)

status: .venv/ready ## what is wrong with a deployed workflow, and what to call next (ENV= WORKFLOW=)
	@$(BIN)/ceap status $(TO)

rollback: .venv/ready ## go back to the previous deployment of a workflow (ENV= WORKFLOW=)
	@$(BIN)/ceap rollback $(TO)

destroy: .venv/ready ## delete the stack of a workflow, without its data (ENV= WORKFLOW=)
	@$(BIN)/ceap destroy $(TO)

docs: .venv/dev ## write rules.md, conformance.md and properties.md of docs/reference/, the contracts in handlers.md
	@$(BIN)/python -m ceap.policy.reference
	@$(BIN)/python -m ceap.contracts
	@$(BIN)/python -m tests.local.conformance.page
	@$(BIN)/python -m pages.pictures
	@$(BIN)/python -m tests.proofs.page

site: .venv/dev ## build the site of the pages in build/site, to be opened from the disk
	@$(BIN)/python -m pages.site

baseline: .venv/dev ## write the templates of this version to releases/: what later versions are compared with
	@$(BIN)/python -m tests.releases

package: .venv/ready ## build the zips of the Lambda functions in build/
	@$(BIN)/ceap package

bench: .venv/dev ## measure speed, and write the table of docs/reference/bench.md; takes long (NAMES="synth check")
	@$(BIN)/python -m bench $(NAMES)

bench-compare: .venv/dev ## measure this tree and another revision of it in turn (REV=HEAD~5 NAMES="synth engine")
	@$(BIN)/python -m bench.compare $(or $(REV),$(error REV is missing: say REV=HEAD~5)) $(NAMES)

dev: .venv/dev ## install what tests and lint need

glue: .venv/glue ## install Spark, with which Glue jobs run on this machine

awscli: .venv/awscli/ready ## install the AWS CLI, with which tests run the commands of the README

lint: .venv/dev ## format, style, types and import layers, changing nothing
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy --no-error-summary
	@[ ! -e .venv/glue ] || MYPYPATH=glue $(BIN)/mypy --no-error-summary $(wildcard glue/*.py glue/lib/*.py)
	@report=$$($(BIN)/lint-imports --no-logo) || { echo "$$report"; exit 1; }

format: .venv/dev ## format the sources and fix what can be fixed
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

COMPILE = $(UV) pip compile --quiet --generate-hashes --custom-compile-command "make lock" $(UPGRADE)
# All files of a version are locked by hash, those for this machine too; only the choice is that of the functions.
FOR_FUNCTIONS = --python-platform aarch64-manylinux_2_34 --only-binary :all: --constraint requirements.lock

lock: ## pin the dependencies anew (needs uv; UPGRADE=--upgrade takes the newest)
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv in PATH, or UV=/path/to/uv: pip install uv' >&2; exit 1; }
	@$(COMPILE) --universal --python-version 3.11 --extra local --group setup pyproject.toml -o requirements.lock
	@$(COMPILE) --universal --python-version 3.11 --constraint requirements.lock --group dev -o requirements-dev.lock
	@$(COMPILE) --universal --python-version 3.11 --constraint requirements.lock requirements-glue.in \
		-o requirements-glue.lock
	@$(COMPILE) --universal --python-version 3.11 requirements-awscli.in -o requirements-awscli.lock
	@$(COMPILE) --universal --python-version 3.11 --no-deps requirements-library.in -o requirements-library.lock
	@$(COMPILE) $(FOR_FUNCTIONS) --python-version 3.13 handlers/requirements.in -o handlers/requirements.txt
	@scripts/lock-sets $(COMPILE) $(FOR_FUNCTIONS)

clean: ## remove .venv, build/ and every cache
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is rebuilt when the lock changes, its interpreter is gone or the folder was moved: its scripts hold
# absolute paths. The project itself is installed again, in a second, when pyproject.toml changes.
ifneq ($(shell cat .venv/locked 2>/dev/null) $(wildcard .venv/bin/python),$(CURDIR) .venv/bin/python)
.PHONY: .venv/locked
endif

.venv/locked: requirements.lock requirements-dev.lock requirements-library.lock scripts/setup
	@scripts/setup
	@echo '$(CURDIR)' > $@

# Compiled here: with PYTHONDONTWRITEBYTECODE every start would compile the sources anew.
# A set that cannot be installed is tried again by the next target: only functions that have it need it.
.venv/ready: .venv/locked pyproject.toml $(SETS)
	@scripts/setup project
	@$(BIN)/python -m compileall -q -j 0 $(wildcard $(PACKAGES))
	@failed=; for set in $(SETS); do \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
			-r $$set >&2 || { failed=1; echo "make: $$set cannot be installed here: functions with it do not run here" >&2; }; \
	done; [ "$$failed" ] || touch $@

# What tests and lint need, and nobody who runs a workflow.
.venv/dev: .venv/ready
	@scripts/setup dev
	@touch $@

# Spark, for Glue jobs and their types: 400 MB that nothing else needs.
# pyspark has no wheel; it is built with the setuptools of requirements-dev.lock.
.venv/glue: .venv/dev requirements-glue.lock
	@$(BIN)/python -c 'import sys; from ceap.local.spark import python_problem as found; found() and sys.exit(f"Spark {found()}")'
	@echo "Installing Spark for Glue jobs, once; this can take a minute" >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --require-hashes \
		-r requirements-glue.lock >&2
	@touch $@

# In an environment of its own: it has other versions of what ceap pins.
.venv/awscli/ready: .venv/ready requirements-awscli.lock
	@echo "Installing the AWS CLI, once; this can take a minute" >&2
	@$(BIN)/python -m venv --clear --without-pip $(@D)
	@$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check --no-deps \
		--require-hashes -r requirements-awscli.lock
	@touch $@
