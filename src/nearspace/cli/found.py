"""How commands show what is nearest, as a table."""

from __future__ import annotations

from typing import Any

ID_WIDTH = 40  # characters of an id that stand on one line
SHOWN = 4  # columns of a table that stand beside what was found


def print_found(title: str, rows: list[dict[str, Any]], score: str, nothing: str) -> None:
    """Print the rows of an answer as a table; where there is none, ``nothing``."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if title:
        console.print(f"[bold]{escape(title)}[/]", highlight=False)
    if not rows:
        console.print(nothing)
        return
    columns = [name for name in rows[0] if name not in ("rank", "score", "id")]
    if "text" in columns:
        columns = [name for name in columns if name in ("label", "text")]
    columns = columns[: SHOWN + ("label" in columns)]
    table = Table(box=None, header_style="bold", pad_edge=False, expand="text" in columns)
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column(score, justify="right", no_wrap=True)
    widest = max(len(_line(row["id"])) for row in rows)
    table.add_column("id", overflow="fold", min_width=min(ID_WIDTH, widest))
    for name in columns:
        wide = 1 if name == "text" else None
        table.add_column(
            escape(name), no_wrap=name in ("label", "text"), overflow="ellipsis", ratio=wide
        )
    for row in rows:
        shown = (escape(_line(row[name])) for name in ("id", *columns))
        table.add_row(str(row["rank"]), f"{row['score']:.4f}", *shown)
    console.print(table, highlight=False)


def _line(value: Any) -> str:
    """Return a value on one line; nothing where it is missing."""
    if value is None or value != value:
        return ""
    return " ".join((f"{value:.6g}" if isinstance(value, float) else str(value)).split())
