# Two commands matter: `make demo` and `make test`. Each first sees to it that .venv is there.
#
# PYTHON=…  the interpreter to make .venv with (default: the first on the PATH that suits)
# ARGS=…    passed on to what the target runs: make demo ARGS="--events 30000 --exit --json"

export PYTHON

# The tests wait for processes and brokers half of the time, so two workers keep a core busy; more
# than four crowd each other out.
TEST_WORKERS = -n 4 --dist worksteal

LOCK = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo test check faults proofs corpora bench wheel lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{ printf "  %s %-7s", $$1, $$2; \
		$$1 = $$2 = ""; print }'

# Its output goes to standard error, so that `make demo ARGS=--json` prints one JSON document.
setup: ## create .venv with everything that the demo and the tests need
	@sh .ci/set-up >&2

demo: setup ## learn from a year of real flights, and serve
	@.venv/bin/freshet demo $(ARGS)

# Modules are compiled once, and not by each of the hundreds of processes that the tests start.
test faults proofs: export PYTHONDONTWRITEBYTECODE =

test: setup ## run all tests, in random order
	@.venv/bin/python -m pytest $(TEST_WORKERS) $(ARGS)

check: setup ## lint, format, types, and the layers that imports may cross
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

faults: setup ## cause every fault and 2,000 kills for real (resumes where it was stopped)
	@.venv/bin/python -m tests.faults $(ARGS)

# Some fifteen minutes on one core; ARGS="-n 2" shares them out.
proofs: setup ## the long tests: 200,000 random rows, all drawn examples, two processes
	@.venv/bin/python -m pytest -m "long or hypothesis" tests --ignore=tests/faults $(ARGS)

# Fetches four source distributions with pip; some five minutes.
corpora: setup ## init, check and convert on the example files of other packages
	@.venv/bin/python -m tests.converters.corpora $(ARGS)

bench: setup ## print the table of ratios
	@.venv/bin/python -m benchmarks $(ARGS)

wheel: setup ## build the file that installs Freshet elsewhere, without a checkout: dist/*.whl
	@.venv/bin/python -m hatchling build --target wheel

# The first lock holds everything; the others are parts of it, at the same versions.
lock: ## pin the dependencies again (needs uv; ARGS=--upgrade takes the newest)
	$(LOCK) pyproject.toml --extra demo --extra parquet --group test --group check --group bench \
		--group build \
		-o requirements-dev.txt $(ARGS)
	$(LOCK) pyproject.toml --constraints requirements-dev.txt -o requirements.txt
	$(LOCK) --group build --constraints requirements-dev.txt -o requirements-build.txt

clean: ## remove .venv and every cache, but no state of yours
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis \
		.import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
