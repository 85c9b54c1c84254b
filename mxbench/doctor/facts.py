"""Gathers what CUDA, the driver and MXNet say, in a process of its own: importing MXNet may end a process, and its
libraries take hundreds of megabytes. ``python -m mxbench.doctor.facts`` prints the facts as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Dict, List

from .. import cuda, runtime
from ..errors import UserError

_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Facts:
    """What was found: the libraries that MXNet's GPU build needs, the driver, the GPUs, and how MXNet's import ended.

    Errors are sentences, empty where there was none. ``nvml`` says what is missing of NVML.
    """

    is_gpu_build: bool = False
    libraries: List[cuda.Loaded] = field(default_factory=list)
    cuda_of_driver: int = 0
    driver_error: str = ""
    gpus: List[cuda.Gpu] = field(default_factory=list)
    nvml: str = ""
    import_error: str = ""
    mxnet: str = ""
    features: List[str] = field(default_factory=list)


def gather() -> Facts:
    """The facts about this machine."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            check=False, timeout=_PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        told = f"MXNet's import does not end within {_PATIENCE_SECONDS} seconds"
        return Facts(cuda.is_gpu_build(), import_error=told)
    # The import may end the process: each line has all that was known by then.
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        return _from_json(lines[-1])
    code = done.returncode
    how = f"is ended by {signal.Signals(-code).name}" if code < 0 else f"ends with exit code {code}"
    told = (done.stderr.strip().splitlines() or [""])[-1]
    known = _from_json(lines[-1]) if lines else Facts(cuda.is_gpu_build())
    return dataclasses.replace(known, import_error=f"a process that imports MXNet {how}{': ' if told else ''}{told}")


def _from_json(text: str) -> Facts:
    content: Dict = json.loads(text)
    content["libraries"] = [cuda.Loaded(cuda.Library(*library), *rest) for library, *rest in content["libraries"]]
    content["gpus"] = [cuda.Gpu(*one)._replace(capability=tuple(one[3])) for one in content["gpus"]]
    return Facts(**content)


def _tell() -> None:
    content = {"is_gpu_build": cuda.is_gpu_build(), "libraries": runtime.prepare_cuda()}
    content.update(_driver())
    print(json.dumps({**dataclasses.asdict(Facts()), **content}), flush=True)
    content.update(_mxnet())
    print(json.dumps({**dataclasses.asdict(Facts()), **content}), flush=True)


def _driver() -> dict:
    try:
        version = cuda.driver_version()
        gpus = cuda.gpus()
    except UserError as error:
        return {"driver_error": str(error)}
    from ..measure.gpu import Watch

    return {"cuda_of_driver": version, "gpus": gpus, "nvml": Watch([gpu.number for gpu in gpus]).missing}


def _mxnet() -> dict:
    try:
        mxnet = runtime.load()
    except UserError as error:
        return {"import_error": str(error)}
    except Exception as error:  # whatever the import raises is what the user has to be told
        return {"import_error": f"MXNet cannot be imported: {type(error).__name__}: {error}"}
    features = [feature.name for feature in mxnet.runtime.feature_list() if feature.enabled]
    return {"mxnet": mxnet.__version__, "features": sorted(features)}


if __name__ == "__main__":
    _tell()
    sys.stdout.flush()
    os._exit(0)  # MXNet's threads and CUDA's can hang in their destructors
