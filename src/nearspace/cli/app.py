"""The application and its commands."""

from __future__ import annotations

import typer

from nearspace.cli import compare, embed, encoders, layers, transfer

__all__ = ["app"]

app = typer.Typer(
    name="nearspace",
    help="Which embedding should you use for your data, and is the difference real?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("compare", help=compare.HELP)(compare.compare_command)
app.command("embed", help=embed.HELP)(embed.embed_command)
app.command("encoders")(encoders.encoders_command)
app.command("layers", help=layers.HELP)(layers.layers_command)
app.command("transfer", help=transfer.HELP)(transfer.transfer_command)
