"""What the text of an error says about how a measurement ended."""

from __future__ import annotations

from ..results.record import ERROR, OUT_OF_MEMORY

# What MXNet, CUDA, the C++ library and NumPy say when they cannot allocate.
_OUT_OF_MEMORY_SIGNS = (
    "out of memory", "bad_alloc", "failed to allocate cpu memory", "cannot allocate memory", "unable to allocate",
    "memoryerror", "status_alloc_failed",
)
# A process at its own memory limit cannot make the stack of a thread either. Without a limit these have other causes.
_OUT_OF_STACK_SIGNS = (
    "can't start new thread", "resource temporarily unavailable", "terminate called without an active exception",
)

_NOTICE = "Subgraph backend MKLDNN is activated."  # MXNet prints it in every run


def status_of(text: str, memory_limited: bool = False) -> str:
    """The status of a record for an error of this text: out of memory, or any other error.

    ``memory_limited`` says that the process ran under a memory limit of its own.
    """
    signs = _OUT_OF_MEMORY_SIGNS + (_OUT_OF_STACK_SIGNS if memory_limited else ())
    return OUT_OF_MEMORY if any(sign in text.lower() for sign in signs) else ERROR


def telling_line(text: str) -> str:
    """The line of an error that says what happened: MXNet puts a stack trace around it, C++ the word ``what()`` before."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.endswith(_NOTICE)]
    told = [line for line in lines if any(word in line for word in ("rror", "what()", "ailed", "memory"))]
    return (told or lines or [""])[-1][:300]
