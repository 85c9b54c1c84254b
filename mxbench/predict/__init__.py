"""Memory and arithmetic of a network, computed from its graph alone: no MXNet, no GPU."""

from __future__ import annotations

from .arithmetic import Arithmetic, count, count_macs, count_parameters
from .graph import Graph, cut, load
from .plan import Plan, plan_training

__all__ = ["Arithmetic", "Graph", "Plan", "count", "count_macs", "count_parameters", "cut", "load", "plan_training"]
