"""mxbench: how fast does each network train with Apache MXNet on this machine, and in how much memory?"""

__version__ = "1.0.0"
