"""README.md and the pages of docs/ as tests read them: blocks of code, commands, and what is set in code type."""

import re
import runpy
import shlex
import sys
import textwrap
from pathlib import Path
from typing import List, NamedTuple
from unittest import mock

import click

from mxbench.cli import mxbench

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+# .*$")


class Block(NamedTuple):
    """A block of code, without the indentation that it has within a list."""

    page: str
    language: str
    text: str


def blocks(language: str) -> List[Block]:
    """All blocks of a language, page by page."""
    return [block for block in every_block() if block.language == language]


def every_block() -> List[Block]:
    """All blocks of code, page by page."""
    return [Block(page.name, language, textwrap.dedent(text))
            for page in PAGES for _, language, text in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands() -> List[str]:
    """Every command of the pages once, without the comment that explains it."""
    lines = [line for block in blocks("console") for line in block.text.splitlines()]
    return list(dict.fromkeys(_COMMENT.sub("", line[2:]) for line in lines if line.startswith("$ ")))


def spans(page: Path) -> List[str]:
    """What is set in code type within the text of a page."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def program(command: str):
    """The click command that a command line runs and its arguments; None if it runs none of mxbench's programs."""
    words = shlex.split(command)
    if words[0] == "python":
        words = words[1:]
    if words[0].endswith(".py") and (ROOT / words[0]).is_file():
        found, arguments = _of_script(words[0]), words[1:]
    elif words[0] == "mxbench":
        found, arguments = mxbench, words[1:]
    else:
        return None
    while isinstance(found, click.Group) and arguments and not arguments[0].startswith("-"):
        found, arguments = found.resolve_command(None, arguments)[1:]
    return found, arguments


def parse(command: str) -> None:
    """Let click read a command line of mxbench's programs without running it.

    Raises:
        click.ClickException, mxbench.errors.UserError: an option or a value is not one that the program takes.
    """
    found, arguments = program(command)
    try:
        found.make_context(found.name, arguments)
    except click.exceptions.Exit:  # --help and --version say something and are done
        pass


def _of_script(path: str):
    """The command that a script hands to :func:`mxbench.cli.main`."""
    found = []
    script = ROOT / path
    with mock.patch("mxbench.cli.main", lambda command: found.append(command)), \
            mock.patch("sys.path", [str(script.parent), *sys.path]):
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit:
            pass
    return found[0]
