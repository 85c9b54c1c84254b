# Each target sets up .venv first, which takes no time when it is there.
#
#   PYTHON  a Python 3.8 to 3.12; by default the first that is found
#   EXTRA   cpu (the default), or cu112 for an NVIDIA GPU; both as it was last time, if not given
#   ARGS    more options for the command: make bench ARGS="--networks resnet-50", make test ARGS="-k caffenet"

PYTHON ?=
EXTRA ?=
ARGS ?=

python := .venv/bin/python

.PHONY: help setup bench test test-slow readme clean

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

readme: setup ## put the tables of results/ into README.md
	@$(python) scripts/regenerate_readme.py $(ARGS)

clean: ## remove .venv and the caches
	rm -rf .venv .pytest_cache .hypothesis .coverage build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
