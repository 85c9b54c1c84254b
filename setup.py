"""Packaging of mxbench: what it needs, why in these versions, and on which Pythons."""

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup

OLDEST_PYTHON, NEWEST_PYTHON = (3, 8), (3, 12)
WHY_NO_NEWER = (
    ": Apache MXNet 1.9.1 needs distutils and NumPy older than 2, and the last such NumPy, 1.26, has no wheels for 3.13"
)

# pip refuses a Python by python_requires too, but later than this and without a reason.
if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
    sys.exit(
        "mxbench needs Python 3.8 to 3.12, and this is Python {}.{}{}. Use one of those, "
        "for example: python3.11 -m venv .venv".format(
            *sys.version_info[:2], WHY_NO_NEWER if sys.version_info > NEWEST_PYTHON else ""
        )
    )

CORE = [
    # MXNet 1.9.1 uses np.bool, which NumPy 1.24 dropped. Python 3.12 has no NumPy before 1.26, so mxbench.runtime puts
    # the old names back there; NumPy 2 changed the binary interface as well.
    "numpy>=1.20,<1.24; python_version < '3.12'",
    "numpy>=1.26,<2; python_version >= '3.12'",
    # MXNet 1.9.1 imports distutils, which Python 3.12 dropped; setuptools brings its own copy, to be gone in a later one.
    "setuptools<80; python_version >= '3.12'",
    "scipy>=1.7",
    "click>=8.1",
    "tqdm>=4.60",
    "jinja2>=3.0",
    "psutil>=6.0",  # the first with Process.net_connections
    "filelock>=3.10",
    "platformdirs>=2.5",
    # 9.1 is the first with the enumerations (Image.Resampling) that later versions keep.
    "Pillow>=9.1",
]

EXTRAS = {
    # The two builds of MXNet are the same Python package and overwrite each other's files: install one of them.
    "cpu": ["mxnet==1.9.1"],
    "cu112": [
        "mxnet-cu112==1.9.1",
        # The CUDA 11 libraries that the wheel links to and does not bring. Later majors have other library names.
        "nvidia-cublas-cu11>=11.11.3.6,<12",
        "nvidia-cuda-nvrtc-cu11>=11.8.89,<12",
        "nvidia-cuda-runtime-cu11>=11.8.89,<12",
        # The wheel links libcudnn.so.8; the package of the same name goes on with cuDNN 9.
        "nvidia-cudnn-cu11>=8.9.6.50,<9",
        "nvidia-cufft-cu11>=10.9.0.58,<11",
        "nvidia-curand-cu11>=10.3.0.86,<11",
        "nvidia-cusolver-cu11>=11.4.1.48,<12",
        "nvidia-cusparse-cu11>=11.7.5.86,<12",
        "nvidia-nccl-cu11>=2.21.5,<3",
        "nvidia-nvtx-cu11>=11.8.86,<12",
        # NVML: clocks, temperature, throttling and the other processes on the GPU.
        "nvidia-ml-py>=11.525",
    ],
    # The last GluonCV; it uses what pandas 2.3, SciPy 1.14 and OpenCV 4.11 changed.
    "gluon": ["gluoncv==0.10.5.post0", "pandas<2.3", "scipy<1.14", "opencv-python-headless<4.11"],
    # 3.7 is the first that sets a legend below all axes.
    "report": ["matplotlib>=3.7"],
    # Starts workers on other machines.
    "dist": ["asyncssh>=2.14.2"],
    # What benchmarks/against_pytorch.py compares with; its models are in torchvision and timm, whose newest ones need 3.10.
    "peers": ["torch>=2.4; python_version >= '3.10'", "torchvision>=0.19; python_version >= '3.10'",
              "timm>=1.0.16; python_version >= '3.10'"],
    # MkDocs 1.6 is the first that takes a page from elsewhere (README.md).
    "docs": ["mkdocs>=1.6,<2", "mkdocs-material>=9.6"],
    # mxbench run --dask. 2023.5 is the last for Python 3.8, and the first that --dask is tested with.
    "dask": ["distributed>=2023.5"],
    # What the manifests of docs/kubernetes are checked with: 22 MB of schemas.
    "manifests": ["kubernetes-validate>=1.28"],
    # selenium drives the chromium of the system, if there is one; later versions need Python 3.9.
    "test": ["hypothesis>=6.80", "pytest>=7.4", "pytest-cov>=4.1", "selenium>=4.10"],
}


def version() -> str:
    """The version number that the package itself states."""
    source = Path(__file__).with_name("mxbench").joinpath("__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE).group(1)


setup(
    name="mxbench",
    version=version(),
    description="How fast does each network train with Apache MXNet on this machine, and in how much memory?",
    packages=find_packages(include=["mxbench", "mxbench.*"]),
    package_data={
        "mxbench.symbols": ["json/*.json"],
        "mxbench.results": ["*.jsonl"],
        "mxbench.report": ["templates/*"],
    },
    entry_points={"console_scripts": ["mxbench = mxbench.cli:main"]},
    python_requires=">=3.8,<3.13",
    install_requires=CORE,
    extras_require=EXTRAS,
)
