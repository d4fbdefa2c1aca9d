"""``nearspace mine``: sentences that belong together, of two piles in which nobody has said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from nearspace.cli import options as cli
from nearspace.cli.pairing import two_names
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import beginning, console, counted, echo, print_heading, waiting
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError
from nearspace.foreign import printable

if TYPE_CHECKING:
    from nearspace.data.dataset import Dataset
    from nearspace.data.pairs import Pairs

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
            help="Two files of lines that belong together and that SPACE has not learnt from: they "
            "tell from which score on pairs are right.",
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

    SPACE is what nearspace pair has made. A pair scores by how much nearer its two are to each
    other than to what else is there; above 1 is nearer. No sentence is in two pairs.

    [bold]Examples[/]

      nearspace mine translator.space german.txt english.txt -o mined.csv

      nearspace mine translator.space german.txt english.txt --held-out de.txt,en.txt --precision .9 -o mined.csv
    """  # noqa: E501
    import pandas as pd

    from nearspace.data.kinds.text import Text
    from nearspace.space.mining import calibrate, mine
    from nearspace.space.sides import is_sided

    if threshold is not None and held_out is not None:
        raise NearspaceError("--threshold has no meaning beside --held-out, which tells it.")
    if precision is not None and held_out is None:
        raise NearspaceError("--precision is told by --held-out, which is missing.")
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
    known = None if held_out is None else _held_out(two_names(held_out, *HELD_OUT))
    piles = [_read(source) for source in (left, right)]
    vectors = [
        cli.embedded(pile, side, pile.name).vectors for pile, side in zip(piles, sides, strict=True)
    ]
    if known is not None:
        rows = [
            side.transform([own.items[at] for at in places])
            for side, own, places in zip(
                sides, (known.left, known.right), known.links.T, strict=True
            )
        ]
        told = calibrate(rows[0], rows[1], (vectors[0], vectors[1]), precision=precision)
        threshold = told.threshold
        echo(
            f"Of {told.pairs:,} held-out pairs, put among these where half of the sentences have a "
            f"partner: from {threshold:.3f} on precision {_share(told.precision)}, recall "
            f"{_share(told.recall)}.",
            wrap=True,
        )
    mined = mine(vectors[0], vectors[1])
    best = float(mined.scores.max(initial=float("nan")))
    if threshold is not None:
        mined = mined.above(threshold)
    texts = [
        [pile.items[at] for at in places]
        for pile, places in zip(piles, mined.positions.T, strict=True)
    ]
    other = np.array([one.strip() != two.strip() for one, two in zip(*texts, strict=True)], bool)
    frame = pd.DataFrame(
        {
            "score": mined.scores.round(6),
            "left": texts[0],
            "right": texts[1],
            **{
                f"{name}_id": np.asarray(pile.ids)[places]
                for name, pile, places in zip(
                    ("left", "right"), piles, mined.positions.T, strict=True
                )
            },
        }
    )[other]
    if copies := int((~other).sum()):
        echo(
            f"note: {counted(copies, 'pair')} of the same text on both sides, which is no "
            "translation, left out.",
            err=True,
            wrap=True,
        )
    write_csv(frame, output)
    above = "" if threshold is None else f" from {threshold:.3f} on"
    found = f"{counted(len(frame), 'pair')}{above}"
    if not len(frame) and best == best:
        found += f"; the best scores {best:.3f}"
    echo(f"{output}: {found}, of {len(piles[0]):,} and {len(piles[1]):,} sentences.", wrap=True)
    width = console().width - len("1.2345  ")
    for row in frame.head(SHOWN).itertuples(index=False):
        echo(f"{row.score:.4f}  {beginning(printable(_line(str(row.left))), width)}")
        echo(f"        {beginning(printable(_line(str(row.right))), width)}")


def _held_out(sources: tuple[str, str]) -> Pairs:
    """Return pairs of two files of lines, each line in one of them at most."""
    from nearspace.data.pair_reading import load_pairs

    with waiting(f"Reading {sources[0]} and {sources[1]}"):
        pairs = load_pairs(sources, kind="text")
    print_heading(pairs.name, f"{counted(len(pairs), 'held-out pair')}.")
    for note in pairs.notes:
        echo(f"  {in_options(note)}", err=True, wrap=True)
    first = np.unique(pairs.links[:, 0], return_index=True)[1]
    some = pairs.take(np.sort(first))
    return some.take(np.sort(np.unique(some.links[:, 1], return_index=True)[1]))


def _read(source: str) -> Dataset:
    """Return the lines of a file, each once."""
    from nearspace.data import load

    with waiting(f"Reading {source}"):
        pile = load(source, kind="text")
    print_heading(pile.name, f"{counted(len(pile), 'text')}.")
    for note in pile.notes:
        echo(f"  {in_options(note)}", err=True, wrap=True)
    first = np.sort(np.unique(pile.hashes, return_index=True)[1])
    if len(first) < len(pile):
        lines = counted(len(pile) - len(first), "line")
        echo(f"  {lines} that stood there before left out.", err=True, wrap=True)
    return pile.take(first)


def _share(of: tuple[float, float, float]) -> str:
    value, low, high = (f"{100 * part:.1f}" for part in of)
    return f"{value} % [{low}, {high}]"


def _line(text: str) -> str:
    return " ".join(text.split())
