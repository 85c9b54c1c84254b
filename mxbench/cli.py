"""The command line: options -> the rooms. Every command lives in a module of its own in mxbench/commands."""

from __future__ import annotations

import importlib
import signal
import sys

import click

from . import __version__
from .errors import UserError, nearest

COMMANDS = {
    "run": "Measure speed and memory of training, cell by cell.",
    "scale": "Measure how training scales over processes and machines.",
    "report": "Render tables from results files.",
    "check": "Judge a results file: is every figure to be trusted?",
    "compare": "Compare two results files, or one with the published table.",
    "aa": "Measure one cell twice: does the method call it the same?",
    "networks": "List the networks with input size, parameters, MACs and accuracy.",
    "convert": "Give parameters the names that the other frontend of MXNet loads.",
    "export": "Write the networks as symbol JSON files.",
    "data": "Prepare training input.",
    "predict": "Predict the memory of training, without MXNet and without a GPU.",
    "doctor": "Check this machine: does MXNet work here, and if not, why?",
}

EXIT_USER_ERROR = 2


class _Commands(click.Group):
    """Imports the module of a command only when it is called, so that help stays quick."""

    def list_commands(self, context):
        return list(COMMANDS)

    def get_command(self, context, name):
        if name not in COMMANDS:
            return None
        return getattr(importlib.import_module(f".commands.{name}", __package__), name)

    def resolve_command(self, context, args):
        if args and args[0] not in COMMANDS:
            raise click.UsageError(f"there is no command {args[0]}: {nearest(args[0], COMMANDS)}")
        return super().resolve_command(context, args)

    def format_commands(self, context, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="mxbench %(version)s")
def mxbench() -> None:
    """Measure how fast ImageNet networks train with Apache MXNet on this machine, and how much memory they take.

    \b
    Exit codes: 0 done; 1 a check failed, or no cell could be measured; 2 bad input, nothing was done;
    3 results could not be saved; 130 interrupted (129 terminal closed, 143 terminated).
    """


def main(arguments=None, command=mxbench) -> int:
    """Run a command line; returns the exit code. What a user can mend is one line on standard error and code 2."""
    try:
        return command.main(arguments, prog_name=command.name, standalone_mode=False) or 0
    except UserError as error:
        return _say(command, error)
    except click.ClickException as error:
        return _say(command, " ".join(error.format_message().split()))
    except click.Abort:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        sys.stderr.close()
        return 128 + signal.SIGPIPE


def _say(command, error) -> int:
    print(f"{command.name}: error: {error}", file=sys.stderr)
    return EXIT_USER_ERROR
