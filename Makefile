# Each target sets up .venv first, which takes no time when it is there.
#
#   PYTHON  a Python 3.8 to 3.12; by default the first that is found
#   EXTRA   cpu (the default), or cu112 for an NVIDIA GPU; both as it was last time, if not given
#   ARGS    more options for the command: make bench ARGS="--networks resnet-50", make test ARGS="-k caffenet"

PYTHON ?=
EXTRA ?=
ARGS ?=

python := .venv/bin/python

.PHONY: help setup bench test test-slow test-gpu readme docs clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r target does; do \
		printf '  make %-10s %s\n' "$$target" "$$does"; done
	@sed -n 's/^#   /  /p' $(MAKEFILE_LIST)

setup: ## make .venv with mxbench and all it needs
	@sh scripts/setup.sh "$(EXTRA)" "$(PYTHON)"

bench: setup ## measure all 16 networks at batch size 10 and print the tables
	@$(python) scripts/run_all.py --quick $(ARGS)

test: setup ## run the tests, without the slow ones
	@$(python) -m pytest -m "not slow" $(ARGS)

test-slow: setup ## run the slow tests
	@$(python) -m pytest -m slow $(ARGS)

test-gpu: setup .venv-gpu/set-up.txt ## run MXNet's GPU build on stand-in CUDA libraries: needs gcc, but no GPU
	@command -v gcc >/dev/null || { echo "make test-gpu needs gcc: run apt-get install gcc libc6-dev"; exit 1; }
	@.venv-gpu/bin/python -m pytest tests/gpu tests/test_cuda.py tests/test_doctor.py $(ARGS)

# Without the CUDA packages of EXTRA=cu112, 3 GB, whose place the stand-ins take.
.venv-gpu/set-up.txt: setup.py constraints.txt
	@echo "Setting up .venv-gpu with MXNet 1.9.1 (cu112): about a minute and 1.5 GB the first time"
	@$(python) -m venv --clear .venv-gpu
	@.venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		mxnet-cu112 nvidia-ml-py --editable ".[test]"
	@touch $@

readme: setup ## bring the tables and figures of README.md and docs/ in line with results/
	@$(python) scripts/regenerate_readme.py $(ARGS)

# What only this target needs comes into .venv with its first use. The variable keeps an advertisement out of the output.
docs: setup ## build README.md and docs/ as a site in site/, and check its links
	@$(python) -c "import material" 2>/dev/null || $(python) -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[docs]"
	@NO_MKDOCS_2_WARNING=1 $(python) -m mkdocs build --quiet --clean $(ARGS)
	@echo "open site/index.html"

clean: ## remove .venv, .venv-gpu, site and the caches
	rm -rf .venv .venv-gpu site .pytest_cache .hypothesis .coverage build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
