"""``nearspace rates``: bits an image against quality, of encoders and of image formats."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli

HELP = """
Draw bits an image against quality: of encoders, PCA codes, JPEG, WebP and PNG.

Writes rates.html and rates.json. Encoders are fitted on the training images and frozen; figures are
of the test images.

[bold]Examples[/]

  nearspace rates my_photos/

  nearspace rates digits --with 'autoencoder(dim=4), vae(dim=8)'

  nearspace rates mnist/ --other twemoji/ -o report
"""


def rates_command(
    source: cli.Source,
    specs: Annotated[
        str | None,
        typer.Option("--with", help="Encoders that decode, with commas between. [encoders]"),
    ] = None,
    output: cli.Output = Path(),
    other: Annotated[
        str | None,
        typer.Option("--other", help="Images of another domain; pieces of a photograph if absent."),
    ] = None,
    size: cli.Size = None,
    groups: cli.Groups = None,
    limit: cli.Limit = None,
    test: cli.TestPath = None,
    test_size: Annotated[float, typer.Option(help="Share that tests, if not published.")] = 0.25,
    random_state: Annotated[int, typer.Option(min=0, help="Of the split.")] = 0,
    cache: Annotated[bool, typer.Option(help="Keep fitted encoders, and find them again.")] = True,
) -> None:
    """Measure and write the page; the help text stands in HELP."""
    cli.make_folder(output, "rates.html and rates.json")
    from nearspace.encoders.spec import make_many
    from nearspace.judge.rates import DEFAULT_ENCODERS, check_encoders

    encoders = make_many(specs or ", ".join(DEFAULT_ENCODERS))
    check_encoders(encoders)  # told before any data is read
    dataset = cli.read(
        source, kind="image", size=size, groups=groups, limit=limit, test=test,
        random_state=random_state,
    )  # fmt: skip
    rates = _measure(
        dataset, encoders, other=other, test_size=test_size, random_state=random_state,
        cache=cli.cache_folder() if cache else None,
    )  # fmt: skip
    from nearspace.report.rates import write_rates

    rates.protocol["command"] = "nearspace " + shlex.join(sys.argv[1:])
    rates.to_json(output / "rates.json")
    path = write_rates(rates, output / "rates.html")
    _print(rates)
    typer.echo(f"\nReport: {path}")


def _measure(dataset: Any, encoders: Any, **settings: Any) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from nearspace.judge.rates import measure_rates

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        return measure_rates(
            dataset,
            encoders,
            progress=lambda share, words: bar.update(task, completed=share, description=words),
            **settings,
        )


def _print(rates: Any) -> None:
    """Print what latents, PCA codes and formats cost at equal quality, and the sentence."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nearspace.report.rates import cost_text, images_text, rates_verdict

    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    heads = ["bits", "encoder", "dB", "PCA codes, dB"]
    names = [
        f"{name}, {how}" for name in ("JPEG", "WebP") for how in ("each by itself", "one mosaic")
    ]
    for head in (*heads, *(f"{name}, bits" for name in names), "paid for after, images"):
        table.add_column(head, justify="left" if head == "encoder" else "right")
    for equal in rates.equals:
        pca = "–" if equal.pca_psnr is None else f"{equal.pca_psnr:.2f}"
        table.add_row(
            f"{equal.bits:.0f}",
            escape(equal.encoder),
            f"{equal.psnr:.2f}",
            pca,
            *(cost_text(equal.formats.get(name)) for name in names),
            images_text(equal),
        )
    console.print(table)
    console.print(f"\n{rates_verdict(rates)}", highlight=False, markup=False)
