"""What the text of an error says about how a measurement ended."""

from __future__ import annotations

from ..results.record import ERROR, OUT_OF_MEMORY

# What MXNet, CUDA, the C++ library and NumPy say when they cannot allocate.
_OUT_OF_MEMORY_SIGNS = (
    "out of memory", "bad_alloc", "failed to allocate cpu memory", "cannot allocate memory", "unable to allocate",
    "memoryerror", "status_alloc_failed",
)


def status_of(text: str) -> str:
    """The status of a record for an error of this text: out of memory, or any other error."""
    return OUT_OF_MEMORY if any(sign in text.lower() for sign in _OUT_OF_MEMORY_SIGNS) else ERROR


def telling_line(text: str) -> str:
    """The line of an error that says what happened: MXNet puts a stack trace around it, C++ the word ``what()`` before."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if any(word in line for word in ("rror", "what()", "ailed", "memory"))]
    return (told or lines or [""])[-1][:300]
