"""``nearspace rates``: bits an image against quality, of encoders and of image formats."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import echo
from nearspace.writing import write_files


def rates_command(
    source: cli.Source,
    specs: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="Encoders that decode, with commas. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    output: cli.Pages = Path(),
    open_page: cli.Open = False,
    other: Annotated[
        str | None,
        typer.Option(
            "--other",
            metavar="SOURCE",
            help="Images of another domain; pieces of a photograph if absent.",
        ),
    ] = None,
    *,
    reading: Annotated[Reading, cli.only("size", "groups", "limit", "test")],
    judging: Annotated[
        cli.Judging,
        cli.only("test_size", "random_state", "near_duplicates", "cache"),
    ],
) -> None:
    """Draw bits an image against quality: of encoders, PCA codes, JPEG, WebP and PNG.

    Writes rates.html and rates.json. Encoders are fitted on the training images and frozen; figures
    are of the test images.

    [bold]Examples[/]

      nearspace rates my_photos/

      nearspace rates digits --with autoencoder:dim=4,vae:dim=8

      nearspace rates mnist/ --other twemoji/ -o report
    """
    paths = cli.places(output, "rates.html", "rates.json", open_page=open_page)
    from nearspace.encoders.spec import make_many
    from nearspace.judge.studies.rates import DEFAULT_ENCODERS, check_encoders

    encoders = [each for spec in specs or DEFAULT_ENCODERS for each in make_many(spec)]
    check_encoders(encoders)  # told before any data is read
    judging.check()
    images = dataclasses.replace(reading, kind="image")
    dataset = images.read(source, random_state=judging.random_state)
    try:
        with terminal.progress_bar() as progress:
            from nearspace.judge.studies.rates import measure_rates

            rates = measure_rates(
                dataset, encoders, other=other, test_size=judging.test_size,
                random_state=judging.random_state,
                near_duplicates=judging.near_duplicates, cache=judging.folder, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        again = "; encoders that were fitted are kept, and the same command goes on after them"
        echo(f"nearspace: interrupted; nothing was written{again * judging.cache}.", err=True)
        raise typer.Exit(130) from None
    from nearspace.report.rates import rates_page

    rates = terminal.as_commanded(rates)
    texts = {".html": rates_page(rates).html(), ".json": rates.to_json()}
    try:
        write_files({path: texts[path.suffix] for path in paths})
    finally:  # what was computed is seen, whatever keeps the disk from holding it
        _print(rates, told=dataset.notes)
    echo()
    echo(f"Report: {paths[0]}")
    if open_page:
        terminal.show_page(paths[0])


def _print(rates: Any, told: tuple[str, ...]) -> None:
    """Print what latents, PCA codes and the cheapest format cost at equal quality, in words too."""
    from nearspace.report.rates import cheapest, cost_text, images_text, never_best, rates_verdict

    rows = []
    for equal in rates.equals:
        name = cheapest(equal)
        rows.append(
            {
                "bits": f"{equal.bits:.0f}",
                "encoder": equal.encoder,
                "dB": f"{equal.psnr:.2f}",
                "PCA dB": "–" if equal.pca_psnr is None else f"{equal.pca_psnr:.2f}",
                "cheapest format, bits": "–"
                if name is None
                else f"{name}: {cost_text(equal.formats[name])}",
                "pays from, images": images_text(equal),
            }
        )
    if rows:
        terminal.print_table(rows, "encoder", spare=("pays from, images", "cheapest format, bits"))
    terminal.print_notes(rates.notes, told)
    terminal.print_words(*filter(None, [never_best(rates)]), "", rates_verdict(rates))
