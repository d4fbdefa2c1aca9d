"""``nearspace rates``: bits an image against quality, of encoders and of image formats."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.compose import only
from nearspace.cli.judging import Judging, progress_bar, write_json
from nearspace.cli.reading import Reading, SourceArgument

ENCODER = 20  # characters of an encoder's spec that stand on one line


def rates_command(
    source: SourceArgument,
    specs: Annotated[
        list[str] | None,
        typer.Option("--with", help="Encoder that decodes; repeat for more. [encoders]"),
    ] = None,
    output: cli.Output = Path(),
    other: Annotated[
        str | None,
        typer.Option("--other", help="Images of another domain; pieces of a photograph if absent."),
    ] = None,
    *,
    reading: Annotated[Reading, only("size", "groups", "limit", "test")],
    judging: Annotated[Judging, only("test_size", "random_state", "cache")],
) -> None:
    """Draw bits an image against quality: of encoders, PCA codes, JPEG, WebP and PNG.

    Writes rates.html and rates.json. Encoders are fitted on the training images and frozen; figures
    are of the test images.

    [bold]Examples[/]

      nearspace rates my_photos/

      nearspace rates digits --with 'autoencoder(dim=4), vae(dim=8)'

      nearspace rates mnist/ --other twemoji/ -o report
    """
    new = not output.exists()
    cli.make_folder(output, "rates.html and rates.json")
    from nearspace.encoders.spec import make_many
    from nearspace.judge.studies.rates import DEFAULT_ENCODERS, check_encoders

    encoders = [each for spec in specs or DEFAULT_ENCODERS for each in make_many(spec)]
    check_encoders(encoders)  # told before any data is read
    images = dataclasses.replace(reading, kind="image")
    dataset = images.read(source, random_state=judging.random_state)
    try:
        with progress_bar() as progress:
            from nearspace.judge.studies.rates import measure_rates

            rates = measure_rates(
                dataset, encoders, other=other, test_size=judging.test_size,
                random_state=judging.random_state, cache=judging.folder, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        if new:
            output.rmdir()
        kept = "; encoders that were fitted are kept, and the same command goes on after them"
        typer.echo(f"nearspace: interrupted; no page was written{kept * judging.cache}.", err=True)
        raise typer.Exit(130) from None
    from nearspace.report.rates import rates_page

    write_json(rates, output / "rates.json")
    path = rates_page(rates).write(output / "rates.html")
    _print(rates)
    typer.echo(f"\nReport: {path}")


def _print(rates: Any) -> None:
    """Print what latents, PCA codes and the cheapest format cost at equal quality, in words too."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nearspace.report.rates import cheapest, cost_text, images_text, never_best, rates_verdict

    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("bits", justify="right", no_wrap=True)
    table.add_column("encoder", overflow="fold", min_width=ENCODER)
    table.add_column("dB", justify="right", no_wrap=True)
    table.add_column("PCA\ncodes, dB", justify="right", no_wrap=True)
    table.add_column("cheapest format,\nbits", justify="right")
    table.add_column("decoder\npays from,\nimages", justify="right", no_wrap=True)
    for equal in rates.equals:
        pca = "–" if equal.pca_psnr is None else f"{equal.pca_psnr:.2f}"
        name = cheapest(equal)
        table.add_row(
            f"{equal.bits:.0f}",
            escape(equal.encoder),
            f"{equal.psnr:.2f}",
            pca,
            "–" if name is None else f"{name}: {cost_text(equal.formats[name])}",
            images_text(equal),
        )
    console.print(table)
    for words in (never_best(rates), f"\n{rates_verdict(rates)}"):
        if words:
            console.print(words, highlight=False, markup=False)
