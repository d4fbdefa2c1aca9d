"""`Board`: what a study found, row by row, as a frame and as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.foreign import printable_json
from nearspace.judge.advice import Advice, advise
from nearspace.judge.choice import Resolution, contenders
from nearspace.judge.leaks import Leak
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.notebook import shortened
from nearspace.writing import write_files

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HIDDEN", "SHOWN", "Board", "Failure", "json_text", "plain"]

# Metadata of fields that are not written: what only a report shows, and what is only held.
SHOWN = {"frame": False}
HIDDEN = {"frame": False, "json": False}
LONGEST_SIDE = 12  # characters of the name of a side that stands in a head


@dataclasses.dataclass(frozen=True, repr=False)
class Failure:
    """One row: what could not be judged, with the error in a sentence."""

    spec: str
    error: str
    verdict: str = "failed"

    def __repr__(self) -> str:
        return f"Failure({shortened(self.spec, 40)}: {shortened(self.error, 50)})"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Board:
    """What a study found.

    Attributes
    ----------
    rows : tuple
        Each a dataclass with a ``name``, ``scores`` by name, a ``verdict``, what it costs, and
        whatever the study has more; or a `Failure`.
    protocol : dict
        All that is needed to repeat the study, in the order in which to read it.
    notes : tuple of str
        Warnings and remarks: duplicates, files left out, an interruption.
    seconds : dict of str to float
        Where the time went, by step.
    interrupted : bool
        Whether Ctrl-C ended the study before all was done.
    leaks : tuple of Leak
        What gives the labels away, see `find_leaks`; to be told before all else.
    resolution : Resolution or None
        What the test can tell apart, and how many items would tell more.
    better_by : dict of str to str
        Where another score tells of the same labels, and says that the recommended row is worse
        than another by more than chance: by its name, the row that is best by it.
    named_by : dict of str to str
        What rows are known by where they are listed: fields by the heads of their columns, the
        first of them what a row is.
    """

    named_by: ClassVar[Mapping[str, str]] = {"row": "spec"}
    unranked: ClassVar[str] = "nothing could be ranked"

    rows: tuple[Any, ...]
    protocol: dict[str, Any]
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    interrupted: bool = False
    leaks: tuple[Leak, ...] = ()
    resolution: Resolution | None = None
    better_by: dict[str, str] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        """Return what was found on one line."""
        from nearspace.judge.card import board_line

        return board_line(self)

    def _repr_html_(self) -> str:
        from nearspace.judge.card import board_card

        return board_card(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def results(self) -> list[Any]:
        """The rows that were judged, chance included."""
        return [row for row in self.rows if not isinstance(row, Failure)]

    @property
    def failures(self) -> list[Failure]:
        """The rows that could not be judged."""
        return [row for row in self.rows if isinstance(row, Failure)]

    @property
    def metrics(self) -> list[str]:
        """The names of the scores that some row has, in the order of `SCORES`."""
        return [name for name in SCORES if any(name in row.scores for row in self.results)]

    @property
    def rank_by(self) -> str | None:
        """The name of the score by which the rows are ranked, None where no row has one."""
        there = self.metrics
        choices = (self.protocol.get("rank_by"), "knn", "preservation", *there)
        return next((name for name in choices if name in there), None)

    @property
    def score(self) -> Score:
        """The score by which the rows are ranked; that of the k-NN vote where no row has one."""
        return SCORES[self.rank_by or "knn"]

    def label(self, name: str | None = None) -> str:
        """Return what a score is called, with the number of neighbours; of the one that ranks.

        Of a score from one side to the other, with the names of the sides.
        """
        label = (self.score if name is None else SCORES[name]).label
        k = self.protocol.get("k")
        one, other = self.protocol.get("sides", ("", ""))
        if max(len(one), len(other)) <= LONGEST_SIDE:
            label = label.replace("→", f"{one} → {other}").replace("←", f"{other} → {one}")
        return label if k is None else label.replace("k-NN", f"{k}-NN")

    def ranking(self, row: Any) -> Estimate | None:
        """Return the ranking score of a row, None where it has none."""
        return row.scores.get(self.rank_by)

    @property
    def chance(self) -> Estimate | None:
        """What guessing gets by the score that ranks, where there is anything to guess."""
        floor = next((row for row in self.results if row.verdict == "floor"), None)
        return None if floor is None else self.ranking(floor)

    @property
    def leader(self) -> Any:
        """The best guess: the row with the best score, None where none is ranked."""
        return next((row for row in self.results if row.verdict == "best"), None)

    @property
    def recommended(self) -> Any:
        """The row to use, the cheapest of the `contenders`; None where there is none."""
        return next((row for row in self.results if row.recommended), None)

    @property
    def contenders(self) -> list[Any]:
        """The rows between which one may choose by cost, see `choice.contenders`."""
        return contenders(self.results, self.score)

    @property
    def units(self) -> str:
        """What test units are called."""
        return str(self.protocol.get("units", "test items"))

    @property
    def sides(self) -> list[str]:
        """How many items there were to fit on and to judge on, in a few words each."""
        whole = [
            f"{n:,} {what}"
            for what in ("documents", "queries", "pairs")
            if isinstance(n := self.protocol.get(what), int)
        ]
        if whole:
            return whole
        train, test, folds = (self.protocol.get(name) for name in ("train", "test", "folds"))
        if folds is None:
            pairs = ((train, "to fit on"), (test, "to judge on"))
            return [f"{n:,} {words}" for n, words in pairs if isinstance(n, int)]
        which = "all" if test == self.protocol["items"] else f"{test:,}"
        return [f"{which} judged, in {folds} folds", f"{train:,} to fit on each time"]

    def spec(self, row: Any) -> str:
        """Return by what a row can be used again."""
        return str(row.name)

    @property
    def advice(self) -> Advice:
        """What to use and why, which as text is at most three sentences."""
        return advise(self)

    def best(self) -> Any:
        """Return the recommended row: the cheapest of those that are best or tied with it.

        Rows that cannot be told from chance are left out.

        Raises
        ------
        NearspaceError
            If nothing could be ranked, or nothing can be told from chance.
        """
        if self.recommended is None:
            raise NearspaceError(
                "The board recommends nothing: no row could be ranked and told from chance."
            )
        return self.recommended

    def to_frame(self) -> pd.DataFrame:
        """Return a line a row, with scores, the ends of their intervals, and costs as columns."""
        import pandas as pd

        return pd.DataFrame([_columns(_written(row, "frame")) for row in self.rows])

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the board and its advice as JSON text, without pictures; write it where asked."""
        return json_text({**plain(self), "advice": plain(self.advice)}, path)


def json_text(value: Any, path: str | Path | None = None) -> str:
    """Return a value as JSON text, see `plain`; write it where asked."""
    text = printable_json(plain(value), indent=1, allow_nan=False)
    if path is not None:
        write_files({path: text})
    return text


def _written(value: Any, where: str) -> dict[str, Any]:
    """Return the fields of a dataclass that are written there: in a ``"frame"``, in ``"json"``."""
    fields = dataclasses.fields(value)
    return {f.name: getattr(value, f.name) for f in fields if f.metadata.get(where, True)}


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as columns, those of dicts and dataclasses among the others."""
    columns: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Estimate):
            columns[name] = value.value
            ends = {f"{name}_low": value.low, f"{name}_high": value.high}
            columns |= {end: at for end, at in ends.items() if at is not None}
        elif isinstance(value, dict):
            columns |= _columns(value)
        elif dataclasses.is_dataclass(value):
            columns |= _columns(_written(value, "frame"))
        else:
            columns[name] = value
    return columns


def plain(value: Any) -> Any:
    """Return ``value`` built of what JSON has; what is not finite becomes null."""
    if dataclasses.is_dataclass(value):
        return plain(_written(value, "json"))
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
