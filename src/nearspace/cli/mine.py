"""``nearspace mine``: sentences that belong together, of two piles in which nobody has said so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import two_names
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import beginning, console, counted, echo, print_heading, waiting
from nearspace.cli.wording import in_options
from nearspace.data.sided import SIDES
from nearspace.errors import NearspaceError
from nearspace.foreign import printable

if TYPE_CHECKING:
    from nearspace.data.dataset import Dataset
    from nearspace.space.space import Space

SHOWN = 5  # pairs, on the terminal
HELD_OUT = "--held-out", "de.txt,en.txt"


def mine_command(
    path: cli.SpaceFile,
    left: Annotated[
        str, typer.Argument(metavar="LEFT", help="Texts as they stand on the left, one a line.")
    ],
    right: Annotated[
        str, typer.Argument(metavar="RIGHT", help="Texts as they stand on the right, one a line.")
    ],
    *,
    held_out: Annotated[
        str | None,
        typer.Option(
            "--held-out",
            metavar="LEFT,RIGHT",
            help="Two files of lines that belong together, not those that the space was made of: "
            "they tell from which score on pairs are right.",
        ),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1,
            help="The share of mined pairs that is to be right, told by --held-out.",
            show_default="what gives the best F1",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="The least score of a pair, where there is no --held-out."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            rich_help_panel=cli.OUTPUT,
            help="The file to write, .csv: score, left, right, and the ids of both.",
        ),
    ],
    force: cli.Force = False,
) -> None:
    """Find pairs of translations in two piles of sentences, by a translator.

    The space is what nearspace pair has made. A pair scores by how much nearer its two are to each
    other than to what else is there; above 1 is nearer. No sentence is in two pairs, and none is
    paired with its own copy, which nobody has translated.

    [bold]Examples[/]

      nearspace mine translator.space german.txt english.txt -o mined.csv

      nearspace mine translator.space german.txt english.txt --held-out de.txt,en.txt --precision .9 -o mined.csv
    """  # noqa: E501
    import pandas as pd

    from nearspace.data.kinds.text import Text
    from nearspace.space.mining import MARGIN_NEIGHBOURS, calibrate, mine
    from nearspace.space.sides import is_sided

    if threshold is not None and held_out is not None:
        raise NearspaceError("--threshold has no meaning beside --held-out, which tells it.")
    if precision is not None and held_out is None:
        raise NearspaceError("--precision is told by --held-out, which is missing.")
    if os.path.exists(left) and os.path.exists(right) and os.path.samefile(left, right):
        raise NearspaceError(f"mine: expected two piles of sentences, got {left} twice.")
    files = (left, right) if held_out is None else (left, right, *two_names(held_out, *HELD_OUT))
    cli.check_file(output, ".csv", force=force, reads=[str(path), *files])
    space = cli.open_file(path)
    if not is_sided(space) or space.encoder is None:
        raise NearspaceError(
            f"{path}: expected a space of two sides, as nearspace pair makes it of pairs."
        )
    sides = [space.encoder.side(name) for name in ("left", "right")]
    if not all(type(side.kind_) is Text for side in sides):
        raise NearspaceError(f"{path}: expected texts on both sides, got {space.kind}.")
    pairs = None if held_out is None else _held_out(two_names(held_out, *HELD_OUT), space)
    piles = [_read(source) for source in (left, right)]
    copies = _copies(*piles)
    vectors = [
        cli.embedded(pile, side, pile.name).vectors for pile, side in zip(piles, sides, strict=True)
    ]
    if pairs is not None:
        others = _others(piles, pairs, copies)
        with waiting("Mining held-out pairs"):
            held = [side.transform(list(texts)) for side, texts in zip(sides, pairs, strict=True)]
            rest = vectors[0][others[0]], vectors[1][others[1]]
            told = calibrate(held[0], held[1], rest, precision=precision)
        threshold = told.threshold
        echo(
            f"Of {told.pairs:,} held-out pairs, put among these where half of the sentences have a "
            f"partner: from {threshold:.3f} on precision {_share(told.precision)}, recall "
            f"{_share(told.recall)}.",
            wrap=True,
        )
    if (fewest := min(map(len, piles))) <= MARGIN_NEIGHBOURS:
        echo(
            f"note: a score compares with the {MARGIN_NEIGHBOURS} nearest of the other pile: of "
            f"{counted(fewest, 'sentence')} it tells nothing.",
            err=True,
            wrap=True,
        )
    with waiting("Mining"):
        mined = mine(vectors[0], vectors[1], copies=copies)
    best = f"; the best scores {mined.scores[0]:.3f}" if len(mined) else ""
    if threshold is not None:
        mined = mined.above(threshold)
    texts = [
        [pile.items[at] for at in places]
        for pile, places in zip(piles, mined.positions.T, strict=True)
    ]
    ids = [
        np.asarray(pile.ids)[places] for pile, places in zip(piles, mined.positions.T, strict=True)
    ]
    frame = pd.DataFrame(
        {
            "score": mined.scores.round(6),
            "left": texts[0],
            "right": texts[1],
            "left_id": ids[0],
            "right_id": ids[1],
        }
    )
    write_csv(frame, output)
    above = "" if threshold is None else f" from {threshold:.3f} on"
    written = f"{counted(len(frame), 'pair')}{above}{'' if len(frame) else best}"
    echo(f"{output}: {written}, of {len(piles[0]):,} and {len(piles[1]):,} sentences.", wrap=True)
    if threshold is None:
        echo(
            "note: all pairs are written, however unsure: --held-out tells from which score on "
            "they are right.",
            err=True,
            wrap=True,
        )
    width = console().width - len("1.2345  ")
    for row in frame.head(SHOWN).itertuples(index=False):
        echo(f"{row.score:.4f}  {beginning(printable(_line(str(row.left))), width)}")
        echo(f"        {beginning(printable(_line(str(row.right))), width)}")


def _held_out(sources: tuple[str, str], space: Space) -> tuple[list[str], list[str]]:
    """Return pairs of two files of lines, each line in one of them at most.

    What the space has learnt from, or is the same on both sides, would tell too high a precision.
    """
    from nearspace.data.pair_reading import load_pairs

    with waiting(f"Reading {sources[0]} and {sources[1]}"):
        pairs = load_pairs(sources, kind="text")
    print_heading(pairs.name, f"{counted(len(pairs), 'held-out pair')}.")
    for note in pairs.notes:
        echo(f"  {in_options(note)}", err=True, wrap=True)
    first = np.unique(pairs.links[:, 0], return_index=True)[1]
    some = pairs.take(np.sort(first))
    some = some.take(np.sort(np.unique(some.links[:, 1], return_index=True)[1]))
    rows = [
        (some.left.items[one].strip(), some.right.items[two].strip()) for one, two in some.links
    ]
    learnt = _learnt(space)
    new = [
        row for row in rows if not any(text in own for text, own in zip(row, learnt, strict=True))
    ]
    if len(new) < len(rows):
        echo(
            f"  {counted(len(rows) - len(new), 'pair')} left out, since the space has learnt from "
            "sentences in it.",
            err=True,
            wrap=True,
        )
    different = [(one, two) for one, two in new if one != two]
    if len(different) < len(new):
        echo(
            f"  {counted(len(new) - len(different), 'pair')} of the same text on both sides left "
            "out.",
            err=True,
            wrap=True,
        )
    if not different:
        raise NearspaceError(
            f"--held-out {','.join(sources)}: no pair is left, of which the space has not learnt; "
            "leave pairs out when it is made by nearspace pair."
        )
    return [one for one, _ in different], [two for _, two in different]


def _learnt(space: Space) -> tuple[set[str], set[str]]:
    """Return the texts in a space, left and right."""
    if space.meta is None or not {"side", "text"} <= {*space.meta.column_names}:
        return set(), set()
    rows = zip(space.meta["side"].to_pylist(), space.meta["text"].to_pylist(), strict=True)
    texts: dict[str, set[str]] = {side: set() for side in SIDES}
    for side, text in rows:
        texts[side].add(str(text).strip())
    return texts["left"], texts["right"]


def _read(source: str) -> Dataset:
    """Return the lines of a file, each once."""
    from nearspace.data import load

    with waiting(f"Reading {source}"):
        pile = load(source, kind="text")
    print_heading(pile.name, f"{counted(len(pile), 'text')}.")
    for note in pile.notes:
        echo(f"  {in_options(note)}", err=True, wrap=True)
    first: dict[str, int] = {}
    for at, text in enumerate(pile.items):
        first.setdefault(text.strip(), at)
    if len(first) < len(pile):
        lines = counted(len(pile) - len(first), "line")
        echo(f"  {lines} that stood there before left out.", err=True, wrap=True)
    return pile.take(np.array([*first.values()]))


def _copies(left: Dataset, right: Dataset) -> np.ndarray:
    """Return for each text on the left where the same stands on the right, -1 for nowhere."""
    places = {text.strip(): at for at, text in enumerate(right.items)}
    copies = np.array([places.get(text.strip(), -1) for text in left.items], dtype=np.int64)
    if count := int((copies >= 0).sum()):
        stand = "line stands" if count == 1 else "lines stand"
        echo(
            f"note: {count:,} {stand} in both piles: what is no translation is not paired.",
            err=True,
            wrap=True,
        )
    return copies


def _others(
    piles: list[Dataset], pairs: tuple[list[str], list[str]], copies: np.ndarray
) -> list[np.ndarray]:
    """Return which texts of either pile are neither held out nor copies of one on the left."""
    held_out = {text for texts in pairs for text in texts}
    others = [np.array([t.strip() not in held_out for t in pile.items], bool) for pile in piles]
    others[1][copies[copies >= 0]] = False
    return [np.flatnonzero(own) for own in others]


def _share(of: tuple[float, float, float]) -> str:
    value, low, high = (f"{100 * part:.1f}" for part in of)
    return f"{value} % [{low}, {high}]"


def _line(text: str) -> str:
    return " ".join(text.split())
