"""``nearspace recommend``: for a user of a space the items that they have not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.answers import print_answers
from nearspace.cli.search import Where
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import counted, echo, echo_lines
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError
from nearspace.foreign import printable_json

OF_USERS = ("sort", "history")  # columns that say nothing of an item
LONGEST = 28  # characters of an item by which another one is explained


def recommend_command(
    path: cli.SpaceFile,
    users: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="USER",
            help="A user of the space, by the id, with or without its user-.",
            show_default=False,
        ),
    ] = None,
    likes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM",
            help="In place of a user an item that somebody has; repeat for several.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many to recommend.")] = 10,
    where: Where = None,
    *,
    as_json: cli.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .csv file to write.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
) -> None:
    """Recommend items of a space to its users, or to somebody by what they have.

    What a user has already is not recommended. Each item is explained by those of the user's own
    that are nearest to it. What is like one item tells nearspace search, by --id ITEM,
    --exclude-self, --where sort=item and --metric cosine.

    [bold]Examples[/]

      nearspace recommend films.space 17

      nearspace recommend films.space --likes 0468569 --likes 1375666 -k 5
    """
    if output is not None:
        cli.check_file(output, ".csv")
    if bool(users) == bool(likes):
        raise NearspaceError("recommend: name users, or what somebody has by --likes.")
    space = cli.open_file(path)
    from nearspace.space.recommending import recommend
    from nearspace.space.search.queries import item_rows

    names = [*(users or [", ".join(likes or [])])]
    asked: list[str | None] = [*users] if users else [None]
    told = [recommend(space, user, likes=likes or (), k=k, where=where) for user in asked]
    answers = []
    for each in told:
        rows = item_rows(space, each.positions)
        scores, because = each.scores.tolist(), [space.ids[own[own >= 0]] for own in each.because]
        answers.append([
            {"rank": rank, "score": score, **_shown(row), "because": why.tolist()}
            for rank, (score, row, why) in enumerate(zip(scores, rows, because, strict=True), 1)
        ])  # fmt: skip
        for note in each.notes:
            echo(f"note: {in_options(note)}", err=True, style="dim", wrap=True)
    if output is not None:
        sheet = [
            {"query": name, **row, "because": " ".join(row["because"])}
            for name, rows in zip(names, answers, strict=True)
            for row in rows
        ]
        import pandas as pd

        write_csv(pd.DataFrame(sheet), output)
        echo(f"{output}: {counted(len(sheet), 'row')}.")
        return
    if as_json:
        queries = [
            {"query": name, "metric": space.recipe.metric, "items": rows}
            for name, rows in zip(names, answers, strict=True)
        ]
        echo_lines(printable_json(queries, indent=1, default=str))
        return
    for name, rows, each in zip(names, answers, told, strict=True):
        echo(f"for {name}, who has {counted(len(each.had), 'item')}", style="bold", wrap=True)
        lines = []
        for row, own in zip(rows, each.because, strict=True):
            rank, score, item, *rest = [(k, v) for k, v in row.items() if k != "because"]
            why = ("because of", "".join(_named(space, own[own >= 0][:1])))
            # Of a table with many columns the first are shown, and this is to be among them.
            both = (*rest, why) if "text" in row else (why, *rest)
            lines.append(dict([rank, score, item, *both]))
        print_answers("", lines, cli.SCORES[space.recipe.metric], "There is nothing to recommend.")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of an item, without what is said of users alone."""
    return {name: value for name, value in row.items() if name not in OF_USERS}


def _named(space: Any, positions: Any) -> list[str]:
    """Return by what items are known to a reader: their texts, or their ids."""
    if "text" not in space.meta.column_names:
        return space.ids[positions].tolist()
    texts = [space.meta["text"][int(at)].as_py() or "" for at in positions]
    return [text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…" for text in texts]
