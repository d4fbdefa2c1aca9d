"""The application and its commands."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from nearspace.cli import (
    codec,
    compare,
    decode,
    diff,
    embed,
    encoders,
    exchange,
    layers,
    map,
    rates,
    search,
    space,
    transfer,
)

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


app.command("compare", help=compare.HELP)(told(compare.compare_command))
app.command("embed", help=embed.HELP)(told(embed.embed_command))
app.command("add", help=space.ADD_HELP)(told(space.add_command))
app.command("info")(told(space.info_command))
app.command("remove")(told(space.remove_command))
app.command("verify")(told(space.verify_command))
app.command("search", help=search.SEARCH)(told(search.search_command))
app.command("index", help=search.INDEX)(told(search.index_command))
app.command("decode", help=decode.DECODE)(told(decode.decode_command))
app.command("sample", help=decode.SAMPLE)(told(decode.sample_command))
app.command("interpolate", help=decode.INTERPOLATE)(told(decode.interpolate_command))
app.command("analogy", help=decode.ANALOGY)(told(decode.analogy_command))
app.command("diff", help=diff.HELP)(told(diff.diff_command))
app.command("export", help=exchange.EXPORT)(told(exchange.export_command))
app.command("import", help=exchange.IMPORT)(told(exchange.import_command))
app.command("pack", help=codec.PACK)(told(codec.pack_command))
app.command("unpack", help=codec.UNPACK)(told(codec.unpack_command))
app.command("split", help=codec.SPLIT)(told(codec.split_command))
app.command("rates", help=rates.HELP)(told(rates.rates_command))
app.command("encoders")(encoders.encoders_command)
app.command("layers", help=layers.HELP)(told(layers.layers_command))
app.command("map", help=map.HELP)(told(map.map_command))
app.command("transfer", help=transfer.HELP)(told(transfer.transfer_command))
