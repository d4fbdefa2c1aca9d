"""``nearspace compare``: which representation is best for this data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.terminal import echo
from nearspace.foreign import printable
from nearspace.writing import write_files

if TYPE_CHECKING:
    from nearspace.judge.leaderboard import Leaderboard


def compare_command(
    source: cli.Source,
    specs: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Encoder to compare, such as 'vae(dim=16)'; repeat for more. See nearspace "
            "encoders.",
        ),
    ] = None,
    output: cli.Output = Path(),
    *,
    reading: cli.Reading,
    judging: cli.Judging,
    save_best: Annotated[
        Path | None,
        typer.Option(help="A .space file for all items under the encoder recommended."),
    ] = None,
    force: cli.Force = False,
) -> None:
    """Rank the usual encoders for a kind of data, and write report.html and report.json.

    [bold]Examples[/]

      nearspace compare digits

      nearspace compare my_photos/ --size 64

      nearspace compare reviews.csv --column text --labels stars

      nearspace compare penguins.csv --labels species --with 'onehot | pca(dim=4)'

      nearspace compare vectors.npz --labels y --groups farm --with 'raw | l2' --seeds 3

      nearspace compare my_photos/ --save-best best.space
    """
    cli.check_folder(output, "report.html", "report.json")
    if save_best is not None:
        cli.check_file(save_best, ".space", option="--save-best", force=force)
    from nearspace.encoders.spec import make_many

    for spec in specs or []:
        make_many(spec)  # a misspelt encoder is told before any data is read
    judging.check()
    dataset = reading.read(source, random_state=judging.random_state)
    with terminal.progress_bar() as progress:
        from nearspace.judge.studies.compare import compare

        board = compare(
            dataset, encoders=specs, task=judging.task, k=judging.k, rank_by=judging.rank_by,
            metric=judging.metric, seeds=judging.seeds, test_size=judging.test_size,
            random_state=judging.random_state, near_duplicates=judging.near_duplicates,
            folds=judging.folds, cache=judging.folder, progress=progress, on_estimate=_announce,
        )  # fmt: skip
    from nearspace.report.page import render

    path = output / "report.html"
    try:
        write_files({output / "report.json": terminal.json_of(board), path: render(board)})
    finally:  # what was computed is seen, whatever keeps the disk from holding it
        _print(board, told=dataset.notes)
    echo()
    echo(f"Report: {path}")
    if save_best is not None:
        _save(board, dataset, save_best)
    terminal.leave(board, judged=any(row.spec != "chance" for row in board.results))


def _announce(seconds: float) -> None:
    if seconds >= 60:
        echo(f"This takes about {seconds / 60:.0f} min; Ctrl-C keeps what is done.", err=True)


def _save(board: Leaderboard, dataset: Any, path: Path) -> None:
    """Write the space of all items under the recommended encoder."""
    from nearspace.space.formats import save
    from nearspace.space.space import embed

    with terminal.waiting("Writing the space"):
        encoder = board.fitted()
        save(embed(dataset, encoder), path)
    echo(f"Space: {path}, {len(dataset):,} items under {board.best().spec}")


def _print(board: Leaderboard, told: tuple[str, ...]) -> None:
    """Print the ranked table, new notes, and the verdict."""
    from rich.text import Text

    from nearspace.judge.scores import SCORES
    from nearspace.report.words import bytes_text, leak_words, seconds_text, verdict

    ranked = board.protocol["rank_by"]
    others = [name for name in board.metrics if name != ranked and SCORES[name].better]
    rows = []
    for row in board.results:
        cells = {"encoder": row.spec}
        for name in (ranked, *others):
            number, interval = SCORES[name].parts(row.scores.get(name))
            cells[board.label(name)] = f"{number} {interval}".strip() if name == ranked else number
        cells |= dict.fromkeys(("dim", "fit", "one item", "vector"), "")
        cells["metric"] = row.metric
        if row.cost is not None:
            cells["dim"] = str(row.dim)
            cells["vector"] = bytes_text(row.cost.bytes_per_vector)
            cells["fit"] = seconds_text(row.cost.fit_seconds)
            cells["one item"] = seconds_text(row.cost.latency_seconds)
        rows.append({**cells, "verdict": row.verdict + " ★" * row.recommended})
    spare = ("dim", "fit", "vector", "metric", *map(board.label, others))
    terminal.print_table(rows, "encoder", spare=spare)
    for failure in board.failures:
        terminal.print_words(
            Text.assemble(("failed", "red"), printable(f" {failure.spec}: {failure.error}"))
        )
    terminal.print_notes(board.notes, told)
    terminal.print_advice(*verdict(board), leaks=leak_words(board))
