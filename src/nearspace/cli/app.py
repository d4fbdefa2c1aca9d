"""The application and its commands."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import re
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from nearspace.cli.options import with_options
from nearspace.data.memory import told_of_memory
from nearspace.errors import NearspaceError

__all__ = ["app"]

# The commands of each file beside, as functions: compare is `compare_command`.
COMMANDS = {
    "compare": ("compare",),
    "embed": ("embed",),
    "space": ("add", "info", "remove", "verify"),
    "search": ("search", "index"),
    "decode": ("decode", "sample", "interpolate", "analogy"),
    "diff": ("diff",),
    "exchange": ("export", "import"),
    "codec": ("pack", "unpack", "split"),
    "rates": ("rates",),
    "encoders": ("encoders",),
    "layers": ("layers",),
    "map": ("map",),
    "transfer": ("transfer",),
}

# A parameter that a sentence names alone, or with the column or the like that was asked for.
PARAMETER = re.compile(
    r"\b([a-z]\w*)=(?=[\s,;.:)]|$)|(?<=[^,] )(column|labels|groups|time|ids|kind|how)='(\S+)'"
)

app = typer.Typer(
    name="nearspace",
    help="Which embedding should you use for your data, and is the difference real?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def told(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that says so when Ctrl-C ends it before it has anything to keep.

    Errors of the library, which name a parameter as ``column=``, name the option: ``--column``.
    """

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            print("nearspace: interrupted; nothing was written.", file=sys.stderr)
            raise typer.Exit(130) from None
        except NearspaceError as error:
            error.args = (PARAMETER.sub(as_option, str(error)),)
            raise

    return run


def within_memory(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that says in a sentence that it takes more memory than there is."""

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        with told_of_memory("This"):
            try:
                command(*args, **options)
            except RuntimeError as error:
                if "can't allocate memory" in str(error):  # PyTorch's
                    raise MemoryError from error
                raise

    return run


def as_option(parameter: re.Match[str]) -> str:
    """Return a parameter that was found in a sentence as it is written on the command line."""
    alone, name, value = parameter.groups()
    return f"--{alone.replace('_', '-')}" if alone else f"--{name} {value}"


def help_text(command: Callable[..., None]) -> str:
    """Return what a command says of itself, a paragraph a line, which the terminal wraps."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def print_version(wanted: bool) -> None:
    """Print the version and leave, where it is asked for."""
    if wanted:
        typer.echo(f"nearspace {importlib.metadata.version('nearspace')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=print_version, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for file, names in COMMANDS.items():
    for name in names:
        command = getattr(importlib.import_module(f"nearspace.cli.{file}"), f"{name}_command")
        app.command(name, help=help_text(command))(told(within_memory(with_options(command))))
