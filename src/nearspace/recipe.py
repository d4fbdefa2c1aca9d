"""`Recipe`: what made the vectors of a space, and with which versions of what."""

from __future__ import annotations

import dataclasses
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nearspace.errors import DataError, NearspaceError, did_you_mean

__all__ = ["METRICS", "Recipe", "check_metric", "versions"]

METRICS = ("cosine", "dot", "euclidean")

LIBRARIES = (
    "nearspace", "numpy", "scikit-learn", "torch", "pillow", "scikit-image", "transformers",
)  # fmt: skip
TYPES = {"spec": str, "fingerprint": str, "data": str, "metric": str, "kind": dict | None,
         "roles": dict, "versions": dict, "made_by": str | None, "left_out": list,
         "aligned": dict | None, "chunks": dict}  # fmt: skip
# Known of vectors of others alone, of aligned ones, and of items that were cut.
OF_SOME: dict[str, Any] = {"made_by": None, "left_out": [], "aligned": None, "chunks": {}}


def check_metric(metric: str) -> None:
    """Raise `NearspaceError` if there is no such metric."""
    if metric not in METRICS:
        raise NearspaceError(f"There is no metric '{metric}'. {did_you_mean(metric, METRICS)}")


def versions() -> dict[str, str]:
    """Return the versions of what figures depend on; "" for a library that is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What made the vectors of a space; it goes with them into every file.

    Attributes
    ----------
    spec : str
        The encoder; ``"vectors"`` for those brought from elsewhere.
    fingerprint : str
        Of the fitted encoder: only vectors of one fingerprint are compared or joined.
    data : str
        The name of the data.
    metric : {"cosine", "dot", "euclidean"}
        By what the vectors are to be compared, as their encoder declares it; of vectors of which
        nobody says, the cosine.
    kind : dict or None
        The kind of the items as JSON, for which `Space.kind` stands; None where it is not known.
    roles : dict of str to str
        The columns of the metadata that hold ``groups``, ``time`` and ``split``.
    versions : dict of str to str
        Of Python and of the libraries that figures depend on; today's by default.
    made_by : str or None
        Who made vectors that were brought from elsewhere.
    left_out : tuple of str
        Columns that were not read with them, since they hold vectors or bytes.
    aligned : dict or None
        Of vectors that were led into another space: ``to``, what made that; its ``fingerprint``; by
        how many ``items`` that both have, and how well that went, as `Alignment` says.
    chunks : dict of str to float
        Where the items are chunks, how many ``words``, ``seconds`` or ``steps`` one has, and its
        ``overlap``.

    Examples
    --------
    >>> recipe = Recipe("pca(dim=2)", "3a51", "wine", versions={"python": "3.13"})
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    >>> recipe.to_json()["spec"]
    'pca(dim=2)'
    """

    spec: str
    fingerprint: str
    data: str = ""
    metric: str = "cosine"
    kind: dict[str, Any] | None = None
    roles: dict[str, str] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=versions)
    made_by: str | None = None
    left_out: tuple[str, ...] = ()
    aligned: dict[str, Any] | None = None
    chunks: dict[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_metric(self.metric)

    @property
    def maker(self) -> str:
        """What made the vectors, in words: the encoder, or who made them elsewhere."""
        return self.made_by or self.spec

    @property
    def unit(self) -> str:
        """What a vector is of, in words: an item as it is, or a chunk of one."""
        if self.cut is None:
            return "whole items"
        size, overlap = self.cut
        unit = next(name for name in self.chunks if name != "overlap")
        shared = f" that share {overlap:,}" if overlap else ""
        return f"chunks of {size:,} {unit if size != 1 else unit[:-1]}{shared}"

    @property
    def cut(self) -> tuple[float, float] | None:
        """How long chunks are, and how much of one ends the one before; None of whole items."""
        if not self.chunks:
            return None
        size = next(number for name, number in self.chunks.items() if name != "overlap")
        return size, self.chunks["overlap"]

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the vectors whenever they are searched: that they are aligned."""
        if self.aligned is None:
            return ()
        to, recall = self.aligned.get("to"), self.aligned.get("recall_10")
        return (f"The vectors are aligned to those of {to}: recall@10 {recall} on items held out.",)

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as a JSON object."""
        values = {**dataclasses.asdict(self), "left_out": list(self.left_out)}
        return {name: value for name, value in values.items() if value or name not in OF_SOME}

    @classmethod
    def from_json(cls, value: Any) -> Recipe:
        """Return the recipe that `to_json` wrote.

        Raises
        ------
        DataError
            If it is none.
        """
        values = {"roles": {}, **OF_SOME, **value} if isinstance(value, dict) else {}
        for name, of in TYPES.items():
            if not isinstance(values.get(name, ...), of):
                raise _none(name)
        if not _are_chunks(values["chunks"]):
            raise _none("chunks")
        if values["metric"] not in METRICS:
            raise _none("metric")
        values["left_out"] = tuple(values["left_out"])
        return cls(**{name: values[name] for name in TYPES})


def _are_chunks(value: dict[Any, Any]) -> bool:
    numbers = all(type(number) in (int, float) for number in value.values())
    return not value or (numbers and len(value) == 2 and "overlap" in value)


def _none(name: str) -> DataError:
    """Return the error for what is no recipe, by the field that shows it."""
    return DataError(f"A recipe, as Recipe.to_json writes it, has another '{name}'.")
