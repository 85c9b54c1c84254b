#!/usr/bin/env python
"""Write symbols/NAME-symbol.json for the 16 networks: ``mxbench export``."""

import sys

from mxbench.cli import main
from mxbench.commands.export import export

sys.exit(main(command=export))
