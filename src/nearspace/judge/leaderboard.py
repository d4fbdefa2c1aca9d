"""`Leaderboard`: what a comparison found, as rows, as a frame, as JSON and as a notebook table."""

from __future__ import annotations

import dataclasses
import html
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Target
from nearspace.encoders.base import Elbo, Encoder
from nearspace.encoders.exhibits import NO_ITEMS, Strip
from nearspace.errors import NearspaceError, did_you_mean
from nearspace.judge.cost import Cost
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Exhibits", "Failure", "Leaderboard", "Result", "plain"]


@dataclasses.dataclass(frozen=True, eq=False)
class Exhibits:
    """What a report shows of one space.

    Attributes
    ----------
    layout : ndarray of shape (m, 2)
        Places of the shown test items on a 2-D map.
    neighbours : ndarray of shape (q, r)
        For each query its nearest training items, as positions in `Leaderboard.gallery`.
    layers : tuple of (str, int, Estimate)
        Name, dimension and k-NN score of each layer of a network.
    strips : tuple of Strip
        What the encoder makes of items: queries decoded, the way between two of them, samples.
    elbo : Elbo or None
        How well a model that bounds the likelihood explains the test items.
    """

    layout: np.ndarray
    neighbours: np.ndarray
    layers: tuple[tuple[str, int, Estimate], ...] = ()
    strips: tuple[Strip, ...] = ()
    elbo: Elbo | None = None


@dataclasses.dataclass(frozen=True)
class Result:
    """One row: an encoder that was judged.

    Attributes
    ----------
    spec : str
        The encoder as `make` reads it; ``"chance"`` for guessing the same of every item.
    learns : str
        What it learns from: ``"nothing"``, ``"items"`` or ``"labels"``.
    dim : int
        Length of its vectors; 0 for chance.
    scores : dict of str to Estimate
        By name in `SCORES`.
    cost : Cost or None
        None for chance.
    verdict : str
        ``"best"``, ``"tied with best"``, ``"worse"``, ``"floor"`` (chance), ``"reference"``
        (what the ranking measures against), or empty where there is no ranking score.
    difference : Estimate or None
        Ranking score minus that of the best, with an interval that holds for all rows at once.
    recommended : bool
        Whether it is the cheapest of the best and the tied.
    exhibits : Exhibits or None
        What a report shows of its space.
    """

    spec: str
    learns: str
    dim: int
    scores: dict[str, Estimate]
    cost: Cost | None = None
    verdict: str = ""
    difference: Estimate | None = None
    recommended: bool = False
    exhibits: Exhibits | None = None


@dataclasses.dataclass(frozen=True)
class Failure:
    """One row: an encoder that could not be judged, with the error in a sentence."""

    spec: str
    error: str


@dataclasses.dataclass(frozen=True, eq=False)
class Leaderboard:
    """What `compare` found: one row an encoder, best first, failures last.

    Attributes
    ----------
    rows : tuple of Result or Failure
        Best first.
    protocol : dict
        All that is needed to repeat the comparison, in the order in which to read it.
    notes : tuple of str
        Warnings and remarks: duplicates, files left out, an interruption.
    seconds : dict of str to float
        Where the time went, by step.
    shown : Strip
        The test items on the maps.
    shown_target : Target or None
        What is to be told of them; None when unlabelled.
    queries : Strip
        The items whose neighbours are shown.
    gallery : Strip
        Every training item that is a neighbour somewhere.
    query_labels, gallery_labels : tuple of str
        Their labels; empty when unlabelled.
    similarity : dict of str to ndarray of shape (e, e)
        ``"cka"`` and ``"neighbour_overlap"`` between the spaces named in `spaces`.
    spaces : tuple of str
        The specs along both axes of `similarity`.
    interrupted : bool
        Whether Ctrl-C ended the comparison before every row was judged.
    fits : dict of str to callable
        By spec, what returns the encoder as it was fitted on the training items.

    Examples
    --------
    >>> from nearspace import compare, load
    >>> board = compare(load("digits"), encoders=["pca(dim=2)"])
    >>> [(row.spec, row.verdict) for row in board.results]
    [('raw', 'best'), ('hog', 'worse'), ('pca(dim=2)', 'worse'), ('chance', 'floor')]
    >>> board.best().spec
    'raw'
    """

    rows: tuple[Result | Failure, ...]
    protocol: dict[str, Any]
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    shown: Strip = NO_ITEMS
    shown_target: Target | None = None
    queries: Strip = NO_ITEMS
    query_labels: tuple[str, ...] = ()
    gallery: Strip = NO_ITEMS
    gallery_labels: tuple[str, ...] = ()
    similarity: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    spaces: tuple[str, ...] = ()
    interrupted: bool = False
    fits: dict[str, Callable[[], Encoder]] = dataclasses.field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the fitted encoders, which are saved in their own way."""
        return {**vars(self), "fits": {}}

    def __iter__(self) -> Iterator[Result | Failure]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def results(self) -> list[Result]:
        """The rows that were judged, chance included."""
        return [row for row in self.rows if isinstance(row, Result)]

    @property
    def failures(self) -> list[Failure]:
        """The rows that could not be judged."""
        return [row for row in self.rows if isinstance(row, Failure)]

    @property
    def metrics(self) -> list[str]:
        """The names of the scores that some row has, in the order of `SCORES`."""
        return [name for name in SCORES if any(name in row.scores for row in self.results)]

    def best(self) -> Result:
        """Return the recommended row: the cheapest of those that are best or tied with it.

        Rows that cannot be told from chance are left out.

        Raises
        ------
        NearspaceError
            If no encoder could be ranked, or none can be told from chance.
        """
        for row in self.results:
            if row.recommended:
                return row
        raise NearspaceError(
            "The leaderboard recommends nothing: no encoder could be ranked and told from chance."
        )

    def fitted(self, spec: str | None = None) -> Encoder:
        """Return the encoder of a row, fitted on the training items; of the recommended row.

        Raises
        ------
        NearspaceError
            If there is no such row, or none is recommended.

        Examples
        --------
        >>> from nearspace import compare, embed, load
        >>> wine = load("wine")
        >>> board = compare(wine, encoders=["pca(dim=4)"])
        >>> embed(wine, board.fitted()).recipe.spec == board.best().spec
        True
        """
        spec = self.best().spec if spec is None else spec
        if spec not in self.fits:
            raise NearspaceError(
                f"The leaderboard has no encoder '{spec}'. {did_you_mean(spec, self.fits)}"
            )
        return self.fits[spec]()

    def to_frame(self) -> pd.DataFrame:
        """Return one row an encoder with scores, interval ends, cost and verdict as columns."""
        import pandas as pd

        return pd.DataFrame([_flat(row, self.metrics) for row in self.rows])

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the leaderboard as JSON text, without its pictures; write it where asked."""
        rows: list[dict[str, Any]] = []
        for row in self.rows:
            value = dataclasses.asdict(row)
            exhibits = value.pop("exhibits", None)
            if exhibits is not None:
                value["layers"] = [
                    {"layer": name, "dim": dim, "knn": score}
                    for name, dim, score in exhibits["layers"]
                ]
                value["layout"] = np.round(exhibits["layout"], 4)
                if exhibits["elbo"] is not None:
                    value["elbo"] = exhibits["elbo"]
            rows.append(value)
        text = json.dumps(
            plain(
                {
                    "protocol": self.protocol,
                    "rows": rows,
                    "notes": self.notes,
                    "seconds": self.seconds,
                    "spaces": self.spaces,
                    "similarity": self.similarity,
                }
            ),
            indent=1,
            ensure_ascii=False,
            allow_nan=False,
        )
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_html_(self) -> str:
        metrics = [name for name in self.metrics if SCORES[name].per_unit]
        head = "".join(
            f"<th>{html.escape(text)}</th>"
            for text in ("encoder", "verdict", *(SCORES[name].label for name in metrics), "dim")
        )
        body = []
        for row in self.rows:
            if isinstance(row, Failure):
                cells = (
                    f"<td>failed</td><td colspan={len(metrics) + 1}>{html.escape(row.error)}</td>"
                )
            else:
                cells = f"<td>{row.verdict}{' ★' if row.recommended else ''}</td>"
                cells += "".join(
                    f"<td>{SCORES[name].text(row.scores.get(name))}</td>" for name in metrics
                )
                cells += f"<td>{row.dim or ''}</td>"
            body.append(f"<tr><th>{html.escape(row.spec)}</th>{cells}</tr>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _flat(row: Result | Failure, metrics: list[str]) -> dict[str, Any]:
    if isinstance(row, Failure):
        return {"encoder": row.spec, "verdict": "failed", "error": row.error}
    flat: dict[str, Any] = {
        "encoder": row.spec,
        "verdict": row.verdict,
        "recommended": row.recommended,
        "learns": row.learns,
        "dim": row.dim,
    }
    for name in metrics:
        score = row.scores.get(name)
        flat[name] = None if score is None else score.value
        if SCORES[name].per_unit:
            flat[f"{name}_low"] = None if score is None else score.low
            flat[f"{name}_high"] = None if score is None else score.high
    flat["difference"] = None if row.difference is None else row.difference.value
    flat.update(dataclasses.asdict(row.cost) if row.cost else {})
    return flat


def plain(value: Any) -> Any:
    """Return ``value`` built of what JSON has; what is not finite becomes null."""
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
