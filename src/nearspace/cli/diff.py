"""``nearspace diff``: two spaces side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import BETWEEN, beginning, console, counted, echo, ending, waiting
from nearspace.foreign import printable, printable_json

if TYPE_CHECKING:
    from nearspace.space.difference import Change, Difference

NEIGHBOURS_SHOWN = 5
FEWEST_ON_A_LINE = 3  # neighbours; where no more have room, each gets a line of its own
TEXT_SHOWN = 40  # characters


def diff_command(
    first: cli.SpaceFile,
    second: cli.SpaceFile,
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours of each item.")] = 10,
    metric: cli.Metric = None,
    show: Annotated[
        int, typer.Option(min=0, help="How many of the items that changed most to show.")
    ] = 5,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .json or .csv file for all items asked about.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
    random_state: Annotated[int, typer.Option(min=0, help="Of the items drawn.")] = 0,
) -> None:
    """Compare two spaces on the items that both have, in their own dimensions.

    [bold]Examples[/]

      nearspace diff pca.space vae.space

      nearspace diff before.space after.space -k 20 -o changes.csv
    """
    if output is not None:
        cli.check_file(output, ".json", ".csv")
    a, b = cli.open_file(first), cli.open_file(second)
    from nearspace.space.difference import diff

    with waiting("Looking for neighbours"):
        difference = diff(a, b, k, metric, random_state=random_state)
    for line in sentences(difference, first.name, second.name):
        echo(line, wrap=True)
    if changed := [change for change in difference.changes if change.overlap < 1][:show]:
        echo()
        echo("Changed most:")
        echo()
        echo(_table(changed, a, first.name, second.name), wrap=True)
    if output is not None:
        difference.to_json(output) if output.suffix == ".json" else _to_csv(difference, output)
        echo()
        echo(f"{output}: {counted(len(difference.changes), 'item')}.")


def _to_csv(difference: Difference, output: Path) -> None:
    frame = difference.to_frame()
    for side in ("first", "second"):  # an id may hold any comma or quote
        frame[side] = [printable_json(ids) for ids in frame[side]]
    write_csv(frame, output)


def sentences(difference: Difference, first: str, second: str) -> list[str]:
    """Return what was found in words."""
    alone = [
        f"{count:,} only in {name}"
        for count, name in ((difference.only_first, first), (difference.only_second, second))
        if count
    ]
    shared = f"{counted(difference.shared, 'item')} {'is' if difference.shared == 1 else 'are'}"
    lines = [f"{shared} in both{''.join(', ' + text for text in alone)}."]
    if difference.same_encoder:
        same = "all have the same vectors"
        if difference.same_vectors < difference.shared:
            same = f"{difference.same_vectors:,} of them have the same vector"
        lines.append(f"Both were made by the same encoder, and {same}.")
    of = (
        ""
        if difference.cka_items == difference.shared
        else f", on {difference.cka_items:,} drawn at random"
    )
    lines.append(f"CKA {difference.cka:.3f} (1: alike, 0: unrelated){of}.")
    asked = (
        ""
        if len(difference.changes) == difference.shared - difference.without_direction
        else f" of {len(difference.changes):,} drawn items"
    )
    here, there = difference.metrics
    by = here if here == there else f"{here} in {first}, {there} in {second}"
    lines.append(
        f"{difference.overlap:.1%} of the {difference.k} nearest neighbours{asked} are the same "
        f"({by}; by chance {difference.chance:.1%})."
    )
    if difference.without_direction:
        lines.append(
            f"Not asked about: {difference.without_direction:,} with a zero vector, which has no "
            "neighbours by the cosine."
        )
    return lines


def _table(changes: list[Change], a: Any, first: str, second: str) -> Any:
    """Return items and their neighbours by id, and of texts by how they begin."""
    from rich.cells import cell_len
    from rich.table import Table

    texts = a.meta["text"] if a.meta is not None and "text" in a.meta.column_names else None

    def name(item: Any) -> str:
        text = "" if texts is None else f" {texts[a.position(item)].as_py() or ''}"
        return printable(f"{item}{beginning(text, TEXT_SHOWN)}")

    cut = ending if texts is None else beginning
    labels = ["" if change.label is None else printable(f"({change.label})") for change in changes]
    items = [
        f"{name(change.id)} {label}".rstrip() for change, label in zip(changes, labels, strict=True)
    ]
    wide = max(len("item"), min(console().width // 4, max(map(cell_len, items))))
    side = (console().width - wide - len("kept") - 3 * BETWEEN) // 2
    table = Table(box=None, header_style="bold", padding=(0, BETWEEN, 0, 0), pad_edge=False)
    table.add_column("item", no_wrap=True, width=wide)
    table.add_column("kept", justify="right", no_wrap=True)
    for title in (first, second):
        table.add_column(ending(printable(f"nearest in {title}"), side), no_wrap=True)
    for item, label, change in zip(items, labels, changes, strict=True):
        sides = [_near(list(map(name, ids)), side, cut) for ids in (change.first, change.second)]
        if cell_len(item) > wide:
            item = f"{cut(name(change.id), wide)}\n{beginning(label, wide)}"
        table.add_row(item, f"{change.overlap:.0%}", *sides)
    return table


def _near(names: list[str], width: int, cut: Callable[[str, int], str]) -> str:
    """Return the nearest items on one line, or on a line each where that shows too few."""
    from rich.cells import cell_len

    for count in range(NEIGHBOURS_SHOWN, FEWEST_ON_A_LINE - 1, -1):
        line = ", ".join(names[:count])
        if cell_len(line) <= width:
            return line
    return "\n".join(cut(name, width) for name in names[:FEWEST_ON_A_LINE])
