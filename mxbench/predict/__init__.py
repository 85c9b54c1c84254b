"""Memory and arithmetic of a network, computed from its graph alone: no MXNet, no GPU."""

from __future__ import annotations

from .arithmetic import Arithmetic, count, count_macs, count_parameters
from .edits import cut, to_float16
from .graph import Graph, load
from .memory import Prediction, Predictor, largest_batch_size, predict_memory
from .plan import Plan, plan_training

__all__ = ["Arithmetic", "Graph", "Plan", "Prediction", "Predictor", "count", "count_macs", "count_parameters", "cut",
           "largest_batch_size", "load", "plan_training", "predict_memory", "to_float16"]
