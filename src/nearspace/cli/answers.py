"""How commands show the items that they were asked for: rows of a table."""

from __future__ import annotations

from typing import Any

from nearspace.cli.terminal import BETWEEN, FEWEST, console, echo
from nearspace.foreign import printable

__all__ = ["print_answers"]

CUT = 12  # characters of a column that are shown at least, where it is cut
SHOWN = 4  # columns of a table that stand beside what was found
LISTED = 8  # names of columns that are listed


def print_answers(title: str, rows: list[dict[str, Any]], score: str, nothing: str) -> None:
    """Print the rows of an answer as a table; where there is none, ``nothing``."""
    from rich.cells import cell_len
    from rich.table import Table

    from nearspace.space.search.queries import RANKS

    if title:
        echo(title, style="bold", wrap=True)
    if not rows:
        echo(nothing, wrap=True)
        return
    of_search = ("rank", "score", *RANKS.values(), "id")
    of_item = [name for name in rows[0] if name not in of_search]
    columns = of_item
    if "text" in columns:
        columns = [name for name in columns if name in ("label", "text", "because of")]
    columns = columns[: SHOWN + ("label" in columns)]
    cells = {name: [printable(_line(row[name])) for row in rows] for name in columns}
    cells = {"id": [printable(row["id"]) for row in rows], **cells}
    if "rank" in rows[0]:  # else what was found is not near to anything
        ranks, scores = ([row[name] for row in rows] for name in ("rank", "score"))
        both = {f"by {by}": [_line(row[name]) for row in rows]
                for by, name in RANKS.items() if name in rows[0]}  # fmt: skip
        scores = [f"{each:.4f}" for each in scores]
        cells = {"rank": list(map(str, ranks)), score: scores, **both, **cells}
    wanted = {head: max(map(cell_len, (printable(head), *texts))) for head, texts in cells.items()}
    least = {head: min(wide, CUT) if head in columns else wide for head, wide in wanted.items()}
    room = console().width + BETWEEN - sum(least.values()) - BETWEEN * len(least)
    while room < 0 and columns:  # an id is not broken to show more of an item
        room += least.pop(columns[-1]) + BETWEEN
        columns = columns[:-1]
    if room < 0:
        least["id"] = max(FEWEST, least["id"] + room)
    for head in columns:
        more = max(0, min(room, wanted[head] - least[head]))
        least[head] += more
        room -= more
    table = Table(box=None, header_style="bold", padding=(0, BETWEEN, 0, 0), pad_edge=False)
    for head, width in least.items():
        justify: Any = "left" if head == "id" or head in columns else "right"
        overflow: Any = "fold" if head == "id" else "ellipsis"
        table.add_column(
            printable(head), justify=justify, width=width, overflow=overflow, no_wrap=head != "id"
        )
    for line in zip(*(cells[head] for head in least), strict=True):
        table.add_row(*line)
    echo(table, wrap=True)
    if left_out := [name for name in of_item if name not in columns]:
        others = f" and {len(left_out) - LISTED} more" * (len(left_out) > LISTED)
        listed = f"{', '.join(left_out[:LISTED])}{others}"
        echo(f"Also known of each: {listed}; --json tells all.", style="dim", wrap=True)


def _line(value: Any) -> str:
    """Return a value on one line; nothing where it is missing."""
    if value is None or value != value:
        return ""
    return " ".join((f"{value:.6g}" if isinstance(value, float) else str(value)).split())
