#!/usr/bin/env python
"""Measure the whole grid and print the tables: ``mxbench run`` followed by ``mxbench report``."""

import sys

from mxbench.cli import main
from mxbench.commands.run import run_all

sys.exit(main(command=run_all))
