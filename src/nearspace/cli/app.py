"""The application and its commands."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nearspace.cli.mistyped import check_dashes, mistyped
from nearspace.cli.options import with_options
from nearspace.cli.signals import SIGNALS, Terminated
from nearspace.cli.streams import flush
from nearspace.cli.terminal import echo
from nearspace.cli.wording import in_options
from nearspace.data.memory import told_of_memory
from nearspace.errors import NearspaceError, ReplacedError
from nearspace.writing import written_listener

__all__ = ["app"]

# The commands of each file beside, as functions: compare is `compare_command`.
COMMANDS = {
    "compare": ("compare",),
    "encoders": ("encoders",),
    "layers": ("layers",),
    "sinks": ("sinks",),
    "transfer": ("transfer",),
    "rates": ("rates",),
    "zero_shot": ("zero-shot",),
    "cache": ("cache",),
    "embed": ("embed",),
    "pair": ("pair",),
    "mine": ("mine",),
    "words": ("words",),
    "column": ("column",),
    "search": ("search", "index"),
    "recommend": ("recommend",),
    "map": ("map",),
    "diff": ("diff",),
    "space": ("add", "remove", "info", "verify"),
    "renewal": ("re-embed", "align"),
    "exchange": ("import", "export"),
    "imagine": ("imagine",),
    "decode": ("decode", "sample", "interpolate", "analogy"),
    "codec": ("pack", "unpack", "split"),
}
# Under which heading the help lists the commands of a file, in the order above.
HEADINGS = {
    "Choose an encoder": (
        "compare",
        "encoders",
        "layers",
        "sinks",
        "transfer",
        "rates",
        "zero_shot",
        "cache",
    ),
    "Make a space and look into it": (
        "embed",
        "pair",
        "mine",
        "words",
        "column",
        "search",
        "recommend",
        "map",
        "diff",
    ),
    "Keep a space": ("space", "renewal", "exchange"),
    "Decode and pack": ("imagine", "decode", "codec"),
}

# Of the click that typer brings along, or of the one installed: whichever it uses.
UsageError: Any = typer.BadParameter.__bases__[0]


def plain_flags(parameters: list[Any]) -> list[Any]:
    """Return parameters of which flags show no type in the help, since they take no value."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return parameters


class Command(TyperCommand):
    """A command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        check_dashes(args, self, ctx)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        return plain_flags(super().get_params(ctx))


class Commands(TyperGroup):
    """The commands, which refuse what was mistyped in one sentence, as they refuse anything."""

    def get_params(self, ctx: Any) -> list[Any]:
        return plain_flags(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        before = itertools.takewhile(lambda arg: arg.startswith("-"), args)  # the name of a command
        check_dashes([*before], self, ctx)
        return super().parse_args(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> Any:
        with self.refusing():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with self.refusing():
            return super().invoke(ctx)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Raise `NearspaceError` for options and arguments that a command does not take."""
        try:
            yield
        except UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # which is no mistake
                raise
            raise NearspaceError(mistyped(error, self.commands)) from None


app = typer.Typer(
    name="nearspace",
    cls=Commands,
    help="Which embedding should you use for your data, and is the difference real?",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def told(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that says what it has written when a signal ends it.

    It is run again, once, where a file that it had opened was replaced before all of it was read.
    Errors of the library, which name a parameter as ``column=``, name the option: ``--column``.
    """

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        written: list[Path] = []
        try:
            try:
                SIGNALS.begin()
                with written_listener(written.append):
                    try:
                        command(*args, **options)
                    except ReplacedError:  # what was read of a file is that of before: once more
                        command(*args, **options)
                flush()
            finally:
                SIGNALS.end()
        except typer.Exit:
            raise
        except (KeyboardInterrupt, Terminated, Exception) as error:
            # A library may have made another error of the one that a signal raised in it.
            if isinstance(error, (KeyboardInterrupt, Terminated)) or SIGNALS.number is not None:
                echo(f"nearspace: {SIGNALS.word}; {was_written(written)}.", err=True)
                raise typer.Exit(SIGNALS.exit_code) from None
            if isinstance(error, NearspaceError):
                error.args = (in_options(str(error)),)
            raise

    return run


def was_written(paths: Sequence[Path]) -> str:
    """Return which files are other than before, the user's cache aside, in a few words."""
    from platformdirs import user_cache_path

    cache = user_cache_path("nearspace")
    names = list(dict.fromkeys(str(path) for path in paths if cache not in path.parents))
    if not names:
        return "nothing was written"
    *some, last = names
    return f"{', '.join(some)} and {last} were written" if some else f"{last} was written"


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


def help_text(command: Callable[..., None]) -> str:
    """Return what a command says of itself, a paragraph a line, which the terminal wraps."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def print_version(wanted: bool) -> None:
    """Print the version and leave, where it is asked for."""
    if wanted:
        echo(f"nearspace {importlib.metadata.version('nearspace')}")
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


heading_of = {file: heading for heading, files in HEADINGS.items() for file in files}
for file, names in COMMANDS.items():
    for name in names:
        command = getattr(
            importlib.import_module(f"nearspace.cli.{file}"), f"{name.replace('-', '_')}_command"
        )
        add = app.command(
            name, cls=Command, help=help_text(command), rich_help_panel=heading_of[file]
        )
        add(told(within_memory(with_options(command))))
