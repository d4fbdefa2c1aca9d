"""`Leaderboard`: what a comparison found, with what a report shows of it."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.data import Target
from nearspace.encoders.base import Elbo, Encoder
from nearspace.encoders.exhibits import NO_ITEMS, Strip
from nearspace.errors import NearspaceError, did_you_mean
from nearspace.judge.board import HIDDEN, SHOWN, Board, Failure
from nearspace.judge.cost import Cost
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate

__all__ = ["Exhibits", "Leaderboard", "Result"]


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
    neighbours: np.ndarray = dataclasses.field(metadata=HIDDEN)
    layers: tuple[tuple[str, int, Estimate], ...] = ()
    strips: tuple[Strip, ...] = dataclasses.field(default=(), metadata=HIDDEN)
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
    exhibits: Exhibits | None = dataclasses.field(default=None, metadata=SHOWN)


@dataclasses.dataclass(frozen=True, eq=False)
class Leaderboard(Board):
    """What `compare` found: a `Board` with one row an encoder, best first, failures last.

    Attributes
    ----------
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

    shown: Strip = dataclasses.field(default=NO_ITEMS, metadata=HIDDEN)
    shown_target: Target | None = dataclasses.field(default=None, metadata=HIDDEN)
    queries: Strip = dataclasses.field(default=NO_ITEMS, metadata=HIDDEN)
    query_labels: tuple[str, ...] = dataclasses.field(default=(), metadata=HIDDEN)
    gallery: Strip = dataclasses.field(default=NO_ITEMS, metadata=HIDDEN)
    gallery_labels: tuple[str, ...] = dataclasses.field(default=(), metadata=HIDDEN)
    similarity: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    spaces: tuple[str, ...] = ()
    fits: dict[str, Callable[[], Encoder]] = dataclasses.field(
        default_factory=dict, metadata=HIDDEN
    )

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the fitted encoders, which are saved in their own way."""
        return {**vars(self), "fits": {}}

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
