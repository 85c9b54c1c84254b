"""Memory and arithmetic of a network from its graph alone, and how workers scale: no MXNet, no GPU, no cluster."""

from __future__ import annotations

from .arithmetic import Arithmetic, count, count_macs, count_parameters
from .edits import cut, to_float16
from .graph import Graph, load
from .memory import Prediction, Predictor, largest_batch_size, predict_memory
from .plan import Plan, plan_training
from .scaling import ScalingPrediction, predict_scaling

__all__ = ["Arithmetic", "Graph", "Plan", "Prediction", "Predictor", "ScalingPrediction", "count", "count_macs",
           "count_parameters", "cut", "largest_batch_size", "load", "plan_training", "predict_memory",
           "predict_scaling", "to_float16"]
