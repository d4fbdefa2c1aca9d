"""The application and its commands."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

import typer

from nearspace.cli import compare, embed, encoders, layers, transfer

__all__ = ["app"]


def told(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that says so when Ctrl-C ends it before it has anything to keep."""

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            print("nearspace: interrupted; nothing was written.", file=sys.stderr)
            raise typer.Exit(130) from None

    return run


app = typer.Typer(
    name="nearspace",
    help="Which embedding should you use for your data, and is the difference real?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("compare", help=compare.HELP)(told(compare.compare_command))
app.command("embed", help=embed.HELP)(told(embed.embed_command))
app.command("encoders")(encoders.encoders_command)
app.command("layers", help=layers.HELP)(told(layers.layers_command))
app.command("transfer", help=transfer.HELP)(told(transfer.transfer_command))
