"""Has the Dask workers of tests measure with the fake worker.

A Dask worker imports this (``dask worker --preload fake_agent``), and its agents run it instead of ``mxbench.sweep.agent``.
"""

import sys
from pathlib import Path

from mxbench.results import machine
from mxbench.sweep import agent, child, remote

remote.AGENT = (sys.executable, __file__)
child.WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
machine._git_revision = str  # git takes longer than all the rest

if __name__ == "__main__":
    sys.exit(agent.main())
