"""What a sweep asks of a machine that it does not run on, as JSON."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple

from ..errors import UserError
from ..symbols.source import split_source


@dataclass(frozen=True)
class Order:
    """A machine to look at, or a job to do there.

    ``gpus`` and ``tuning`` are those of the command line. ``kind``, ``data_train`` and ``num_examples`` name the training
    input of batches up to ``batch_size``; ``memory_limit`` is in bytes, 0 for none. ``files`` are the users' own networks
    with a digest of each. Without a ``job`` the machine is only looked at; with one, ``surroundings`` and ``locks`` are what
    was found then, and ``wait`` says whether to wait for another mxbench there. ``hidden`` are variables of the environment
    that do not reach the measurement.
    """

    gpus: str = ""
    tuning: str = "tuned"
    kind: str = "recordio"
    data_train: Optional[str] = None
    num_examples: Optional[int] = None
    batch_size: int = 1
    memory_limit: int = 0
    files: Dict[str, str] = field(default_factory=dict)
    wait: bool = True
    job: Optional[str] = None
    timeout_seconds: float = 0.0
    surroundings: Dict[str, Dict] = field(default_factory=dict)
    locks: Tuple[str, ...] = ()
    hidden: Tuple[str, ...] = ()

    def to_json(self) -> str:
        """The order on one line."""
        return json.dumps(dataclasses.asdict(self))


def from_json(text: str) -> Order:
    """The order that :meth:`Order.to_json` wrote."""
    return Order(**json.loads(text))


def files_of(sources: Sequence[str]) -> Dict[str, str]:
    """The files that networks of these sources are defined in, with a digest of each."""
    return {str(path): _digest(path) for path in (split_source(source)[0] for source in sources) if path.suffix == ".py"}


def check_files(files: Dict[str, str]) -> None:
    """Make sure that each file is here too.

    Raises:
        UserError: one is missing here, or is another.
    """
    for path, digest in files.items():
        try:
            found = _digest(Path(path))
        except OSError as error:
            raise UserError(f"{path} cannot be read there ({error.strerror}): a network of your own has to be on every "
                            "machine, under the same path") from None
        if found != digest:
            raise UserError(f"{path} is another file there: copy it anew, or put it in a folder that all machines share")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
