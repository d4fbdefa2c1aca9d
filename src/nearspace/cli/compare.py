"""``nearspace compare``: which representation is best for this data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.pairing import Pairing
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import echo
from nearspace.foreign import printable
from nearspace.writing import write_files

if TYPE_CHECKING:
    from nearspace.judge.board import Failure
    from nearspace.judge.leaderboard import Leaderboard, Result
    from nearspace.judge.score import Score

MOST_GROUPS, ENDS = 12, 5  # of which each has a line; of more, how many at either end


def compare_command(
    source: cli.Source,
    other: cli.Right = None,
    specs: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="Encoders to compare, with commas, such as pca:dim=16,vae:dim=16:epochs=50; the "
            "usual ones if absent. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    output: cli.Pages = Path(),
    open_page: cli.Open = False,
    *,
    reading: Reading,
    pairing: Pairing,
    judging: cli.Judging,
    save_best: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .space file for all items under the encoder recommended.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
    force: cli.Force = False,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="M",
            help="How long judging may take; what does not fit is trained for less, or left out.",
        ),
    ] = None,
) -> None:
    """Rank the usual encoders for a kind of data, and write report.html and report.json.

    [bold]Examples[/]

      nearspace compare digits

      nearspace compare my_photos/ --size 64

      nearspace compare reviews.csv --column text --labels stars

      nearspace compare penguins.csv --labels species --with onehot,raw

      nearspace compare vectors.npz --labels y --groups farm --with pca:dim=4,'raw | l2'

      nearspace compare notes/ --task retrieval

      nearspace compare german.txt english.txt

      nearspace compare faq.csv --pairs question,answer

      nearspace compare pairs.csv --pairs one,other --scores alike

      nearspace compare films.csv --interactions ratings.csv --ids film --edge-time time

      nearspace compare my_photos/ -o report.html --open

      nearspace compare my_photos/ --minutes 2

      nearspace compare my_photos/ --save-best best.space
    """
    paths = cli.places(output, "report.html", "report.json", open_page=open_page)
    if save_best is not None:
        cli.check_file(save_best, ".space", option="--save-best", force=force)
    from nearspace.judge.preflight import made_encoders

    # What is misspelt or not installed is told before any data is read.
    asked = {encoder.spec for encoder in made_encoders(specs or [])}
    judging.check()
    data = pairing.read(source, reading, judging.random_state, other)
    with terminal.rows_as_they_land() as (progress, land):
        from nearspace.judge.studies.compare import compare

        board = compare(
            data, encoders=specs, task=judging.task, k=judging.k, rank_by=judging.rank_by,
            metric=judging.metric, seeds=judging.seeds, test_size=judging.test_size,
            random_state=judging.random_state, near_duplicates=judging.near_duplicates,
            folds=judging.parts, hold_out=judging.hold_out,
            also_without_groups=judging.also_without_groups,
            cache=judging.folder, minutes=minutes, progress=progress,
            on_row=lambda row: land(*_landed(row, judging.k)),
        )  # fmt: skip
    from nearspace.report.page import render

    board = terminal.as_commanded(board)
    texts = {".html": render(board), ".json": board.to_json()}
    try:
        write_files({path: texts[path.suffix] for path in paths})
    finally:  # what was computed is seen, whatever keeps the disk from holding it
        _print(board, told=data.notes)
    echo()
    echo(f"Report: {paths[0]}")
    if open_page:
        terminal.show_page(paths[0])
    if save_best is not None:
        _save(board, data, save_best)
    failed = {row.spec for row in board.failures}
    judged = any(row.dim for row in board.results)
    terminal.leave(board, judged=judged and not (asked and asked <= failed))


def _landed(row: Result | Failure, k: int) -> tuple[dict[str, str], float]:
    """Return what is shown of a row that has just been judged, and what it is sorted by."""
    from nearspace.judge.amounts import seconds_text
    from nearspace.judge.board import Failure
    from nearspace.judge.scores import SCORES

    if isinstance(row, Failure):
        return {"encoder": row.spec, "": f"failed: {row.error}"}, -math.inf
    fit = {"fit": "" if row.cost is None else seconds_text(row.cost.fit_seconds)}
    for name, estimate in row.scores.items():  # that which ranks is the first
        score = SCORES[name]
        label = score.label.replace("k-NN", f"{k}-NN")
        cells = {"encoder": row.spec, label: score.text(estimate), **fit}
        return cells, -math.inf if row.verdict == "reference" else score.sign * estimate.value
    return {"encoder": row.spec, **fit}, -math.inf


def _save(board: Leaderboard, data: Any, path: Path) -> None:
    """Write the space of all items under the recommended encoder; of pairs, of the documents."""
    from nearspace.data.pairs import Pairs
    from nearspace.space.formats import save
    from nearspace.space.space import embed

    with terminal.waiting("Writing the space"):
        encoder = board.fitted()
        if isinstance(data, Pairs):
            data = data.right if data.searched else data.together()  # what is searched
        save(embed(data, encoder), path)
    echo(f"Space: {path}, {len(data):,} items under {board.best().spec}")


def _print(board: Leaderboard, told: tuple[str, ...]) -> None:
    """Print the ranked table, new notes, and the verdict."""
    from rich.text import Text

    from nearspace.judge.amounts import bytes_text, seconds_text
    from nearspace.judge.scores import SCORES
    from nearspace.report.words import leak_words

    ranked = board.protocol["rank_by"]
    others = [name for name in board.metrics if name != ranked and SCORES[name].better]
    beside = [] if board.gap is None or board.gap.score == ranked else [board.gap.score]
    wider = any(row.without_groups is not None for row in board.results)
    rows = []
    for row in board.results:
        cells = {"encoder": row.spec}
        for name in (ranked, *others):
            number, interval = SCORES[name].parts(row.scores.get(name))
            cells[board.label(name)] = f"{number} {interval}".strip() if name == ranked else number
            if name == ranked and wider:
                cells |= _without_groups(row, SCORES[ranked])
        if ranked not in row.scores and row.cost is not None:
            cells[board.label(ranked)] = "–"
        cells |= dict.fromkeys(("dim", "fit", "one item", "vector"), "")
        cells["metric"] = row.metric
        if row.cost is not None:
            cells["dim"] = str(row.dim or "–")
            cells["vector"] = bytes_text(row.cost.bytes_per_vector)
            cells["fit"] = seconds_text(row.cost.fit_seconds)
            cells["one item"] = seconds_text(row.cost.latency_seconds)
        rows.append({**cells, "verdict": row.verdict + " ★" * row.recommended})
    # What a reference without a space is held against has its place before what vectors cost.
    others = [name for name in others if name not in beside]
    spare = (*map(board.label, beside), "fit", "dim", "vector", "metric", *map(board.label, others))
    terminal.print_table(rows, "encoder", spare=spare)
    _print_groups(board)
    for failure in board.failures:
        terminal.print_words(
            Text.assemble(("failed", "red"), printable(f" {failure.spec}: {failure.error}"))
        )
    terminal.print_notes(board.notes, told)
    if board.gap is not None:
        terminal.print_words("", board.gap.told)
    terminal.print_advice(board.advice, leak_words(board))


def _without_groups(row: Result, score: Score) -> dict[str, str]:
    """Return the cells that say what a row scores where groups stand on both sides."""
    more = " ".join(filter(None, score.parts(row.optimism, signed=True)))
    return {"without groups": score.text(row.without_groups), "difference": more}


def _print_groups(board: Leaderboard) -> None:
    """Print what rows score on each group, the worst first; of many the worst and the best."""
    from nearspace.judge.scores import SCORES

    if not board.by_group:
        return
    score = SCORES[board.protocol["rank_by"]]
    specs = [row.spec for row in board.results if row.spec in board.by_group[0].scores]
    first = board.recommended or board.leader
    specs.sort(key=lambda spec: first is None or spec != first.spec)
    groups = sorted(board.by_group, key=lambda row: score.sign * row.scores[specs[0]].value)
    shown = groups if len(groups) <= MOST_GROUPS else [*groups[:ENDS], None, *groups[-ENDS:]]
    rows = []
    for each in shown:
        if each is None:
            rows.append({"group": f"… {len(groups) - 2 * ENDS} between"})
            continue
        cells = {"group": each.group, "items": f"{each.items:,}"}
        rows.append(cells | {spec: score.text(each.scores[spec]) for spec in specs})
    terminal.print_words("", f"{board.label()} on each group, by encoders fitted on the others:")
    terminal.print_table(rows, "group", spare=specs[1:])
