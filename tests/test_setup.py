"""The set-up: which Pythons and versions are taken, what a wheel carries, and when the environment is made anew."""

import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12"]
MXNET_BUILDS = {"mxnet", "mxnet-cu112"}


@pytest.fixture
def packaging(monkeypatch):
    """What setup.py hands to setuptools."""
    arguments = {}
    monkeypatch.setattr(setuptools, "setup", arguments.update)
    runpy.run_path(str(ROOT / "setup.py"))
    return arguments


def requirements(texts, python):
    parsed = [Requirement(text) for text in texts]
    environment = {"python_version": python, "python_full_version": python + ".0"}
    return [need for need in parsed if need.marker is None or need.marker.evaluate(environment)]


def pins(python):
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    return requirements(lines, python)


# Pythons and versions


@pytest.mark.parametrize("python", PYTHONS)
def test_each_package_has_one_exact_pin(python):
    names = [pin.name.lower() for pin in pins(python)]
    assert sorted(set(names)) == sorted(names)
    for pin in pins(python):
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin


@pytest.mark.parametrize("python", PYTHONS)
def test_the_pins_are_what_setup_asks_for(packaging, python):
    pinned = {pin.name.lower(): next(iter(pin.specifier)).version for pin in pins(python)}
    asked = sum(packaging["extras_require"].values(), packaging["install_requires"])
    for need in requirements(asked, python):
        assert need.specifier.contains(pinned[need.name.lower()]), need


@pytest.mark.parametrize("python, numpy", [("3.8", "1.23.5"), ("3.11", "1.23.5"), ("3.12", "1.26.4")])
def test_numpy_is_one_that_mxnet_works_with(packaging, python, numpy):
    (need,) = [need for need in requirements(packaging["install_requires"], python) if need.name == "numpy"]
    assert need.specifier.contains(numpy)
    assert not need.specifier.contains("2.0.0")


def test_a_build_of_mxnet_comes_only_with_the_extra_of_its_own(packaging):
    where = {"": packaging["install_requires"], **packaging["extras_require"]}
    builds = {extra: {Requirement(text).name for text in texts} & MXNET_BUILDS for extra, texts in where.items()}
    assert {extra: names for extra, names in builds.items() if names} == {"cpu": {"mxnet"}, "cu112": {"mxnet-cu112"}}


def test_python_3_8_to_3_12_are_supported(packaging):
    supported = SpecifierSet(packaging["python_requires"])
    assert [python for python in ["3.7", *PYTHONS, "3.13", "3.14"] if python + ".1" in supported] == PYTHONS


@pytest.mark.parametrize(
    "python, reasons", [((3, 13, 0), ["3.8 to 3.12", "NumPy older than 2", "distutils"]), ((3, 7, 16), ["3.8 to 3.12"])]
)
def test_another_python_is_refused_with_a_sentence(monkeypatch, python, reasons):
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: pytest.fail("went on to install"))
    monkeypatch.setattr(sys, "version_info", python)
    with pytest.raises(SystemExit) as refusal:
        runpy.run_path(str(ROOT / "setup.py"))
    sentence = refusal.value.code
    assert "this is Python {}.{}".format(*python) in sentence and "\n" not in sentence
    assert all(reason in sentence for reason in reasons)


# What is installed


def copy_sources(folder):
    """The sources alone, as left-overs of an earlier build would be packed too."""
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("mxbench", "symbols", "scripts", "tests"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def assert_complete(files):
    symbols = {"mxbench/symbols/json/" + path.name for path in (ROOT / "symbols").glob("*-symbol.json")}
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mxbench/report/templates").iterdir()}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mxbench").rglob("*.py")}
    assert len(symbols) == 16 and templates
    assert {*symbols, *templates, *modules} <= set(files)
    assert not [name for name in files if not name.startswith("mxbench")]


def test_the_installed_files_are_the_package_its_symbols_and_templates(tmp_path):
    folder = copy_sources(tmp_path)
    build = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", "built"]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    built = [path.relative_to(folder / "built").as_posix() for path in (folder / "built").rglob("*") if path.is_file()]
    assert_complete(built)


@pytest.mark.slow
def test_the_wheel_is_complete_and_installs_the_command(tmp_path):
    folder = copy_sources(tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "wheels", "."]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    (path,) = (folder / "wheels").glob("mxbench-*-py3-none-any.whl")
    with zipfile.ZipFile(path) as wheel:
        assert_complete(wheel.namelist())
        (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
        assert "mxbench = mxbench.cli:main" in wheel.read(entry_points).decode()


# When the environment is made anew

STAND_IN_PYTHON = """#!/bin/sh
# Answers as Python $STAND_IN_VERSION does to scripts/setup.sh, and notes what it is told to install.
case $1 in
    --version) echo "Python ${STAND_IN_VERSION:-3.11.4}" ;;
    -c) [ -z "${STAND_IN_VERSION:-}" ] && echo "$STAND_IN" ;;
    -) cat >/dev/null; echo "${MISSING:-}" ;;
    -m) if [ "$2" = venv ]; then
            rm -rf .venv; mkdir -p .venv/bin; cp "$STAND_IN" .venv/bin/python
        else
            echo "$*" >>installed.txt; exit ${PIP_STATUS:-0}
        fi ;;
esac
"""


def write_script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


class Clone:
    """A clone in which a stand-in for Python takes note instead of installing."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "scripts").mkdir()
        (folder / "bin").mkdir()
        for name in ("setup.py", "pyproject.toml", "constraints.txt", "scripts/setup.sh"):
            shutil.copy(ROOT / name, folder / name)
        self.python = write_script(folder / "bin/stand-in", STAND_IN_PYTHON)

    def set_up(self, *arguments, **environment):
        """Run the script; `arguments` are the extra and the Python, the stand-in if there is none."""
        arguments = list(arguments) or [""]
        if len(arguments) == 1:
            arguments.append(str(self.python))
        path = "{}:{}".format(self.folder / "bin", os.environ["PATH"])
        return subprocess.run(
            ["sh", "scripts/setup.sh", *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, env={**os.environ, "PATH": path, "STAND_IN": str(self.python), **environment},
        )

    def installed(self):
        """The extras of each installation so far."""
        log = self.folder / "installed.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.rpartition("[")[2].partition(",report")[0] for line in lines if "--editable" in line]


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "a clone"
    folder.mkdir()
    return Clone(folder)


def test_a_finished_set_up_is_not_repeated(clone):
    first, second = clone.set_up(), clone.set_up()
    assert first.stdout == (
        "Setting up .venv with Python 3.11.4 and MXNet 1.9.1 (cpu): about a minute and 600 MB the first time\n"
    )
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert clone.installed() == ["cpu"]


def test_an_unfinished_set_up_is_repeated(clone):
    assert clone.set_up(PIP_STATUS="1").returncode != 0
    assert clone.set_up().returncode == 0
    assert clone.installed() == ["cpu", "cpu"]


def test_a_failed_change_leaves_no_finished_set_up(clone):
    clone.set_up("cpu")
    assert clone.set_up("cu112", PIP_STATUS="1").returncode != 0
    clone.set_up("cpu")
    assert clone.installed() == ["cpu", "cu112", "cpu"]


def test_changed_versions_are_installed(clone):
    clone.set_up()
    with open(str(clone.folder / "constraints.txt"), "a") as constraints:
        constraints.write("another==1.0\n")
    clone.set_up()
    assert clone.installed() == ["cpu", "cpu"]


def test_another_extra_replaces_the_first_and_stays(clone):
    for extra in ("cpu", "cu112", "", "cpu,gluon"):
        assert clone.set_up(extra).returncode == 0
    assert clone.installed() == ["cpu", "cu112", "cpu,gluon"]


def test_a_python_stays_until_another_is_named(clone):
    clone.set_up("cpu")
    assert clone.set_up("cpu", "").stdout == ""
    other = write_script(clone.folder / "bin/other", STAND_IN_PYTHON)
    clone.set_up("cpu", str(other), STAND_IN=str(other))
    assert clone.installed() == ["cpu", "cpu"]


def test_an_unsupported_python_is_refused_in_one_line(clone):
    refused = clone.set_up("cpu", STAND_IN_VERSION="3.13.0")
    assert refused.returncode == 2 and clone.installed() == []
    assert refused.stderr.count("\n") == 1
    assert "Python 3.8 to 3.12" in refused.stderr and "here is Python 3.13.0" in refused.stderr


def test_a_python_that_is_not_there_is_named(clone):
    refused = clone.set_up("cpu", "python9")
    assert refused.returncode == 2
    assert "here is no program python9" in refused.stderr


def test_missing_system_packages_are_installed_by_root(clone):
    write_script(clone.folder / "bin/id", "#!/bin/sh\necho 0\n")
    write_script(clone.folder / "bin/apt-get", '#!/bin/sh\necho "$*" >>apt-get.txt\n')
    assert clone.set_up(MISSING="libgomp1 libquadmath0").returncode == 0
    assert (clone.folder / "apt-get.txt").read_text() == (
        "install -qq --no-install-recommends libgomp1 libquadmath0\n"
    )
    assert clone.installed() == ["cpu"]


def test_a_user_is_told_the_command_that_installs_them(clone):
    write_script(clone.folder / "bin/id", "#!/bin/sh\necho 1000\n")
    write_script(clone.folder / "bin/sudo", "#!/bin/sh\nexit 1\n")
    write_script(clone.folder / "bin/apt-get", "#!/bin/sh\nexit 1\n")
    refused = clone.set_up(MISSING="libgomp1")
    assert refused.returncode == 2 and clone.installed() == []
    assert refused.stderr == "mxbench: this system lacks libgomp1; install with: sudo apt-get install libgomp1\n"


# What make offers


def test_make_lists_its_targets_by_default():
    listing = subprocess.run(["make"], cwd=ROOT, stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout
    assert [name for name in ("bench", "test", "test-slow", "readme", "clean") if "make " + name in listing] == [
        "bench", "test", "test-slow", "readme", "clean",
    ]


@pytest.mark.parametrize("script, shell", [("scripts/setup.sh", "sh"), (".ci/run", "bash")])
def test_the_scripts_parse_and_can_be_run(script, shell):
    subprocess.run([shell, "-n", script], cwd=ROOT, check=True)
    assert os.access(ROOT / script, os.X_OK)
