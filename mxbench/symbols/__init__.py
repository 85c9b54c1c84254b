"""The networks: one module per family, with the arguments of MXNet's own examples, and a registry of all of them."""

from .finetune import label_name, replace_head
from .network import Network
from .registry import get_network, get_symbol, list_networks, register_network

__all__ = ["Network", "get_network", "get_symbol", "label_name", "list_networks", "register_network", "replace_head"]
