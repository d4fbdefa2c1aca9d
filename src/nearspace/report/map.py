"""The page of a map: one HTML file in which to move over a space, and search it by eye."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.kinds.audio_shown import picture_of
from nearspace.errors import NearspaceError, called_as, path_of
from nearspace.learning.threads import one_thread
from nearspace.notebook import COLOURS, SCALE
from nearspace.report.base import Page, section
from nearspace.report.figures import ends, in_a_square
from nearspace.report.sheets import sheets
from nearspace.report.sounds import sounds
from nearspace.space.map.keywords import keywords
from nearspace.space.map.landmarks import (
    MOST_NAMED,
    READ,
    Cluster,
    Landmarks,
    classes,
    landmarks,
    numbers_of,
)
from nearspace.space.map.maps import K, Map
from nearspace.space.map.maps import layout as laid_out
from nearspace.space.map.tsne import FEWEST

if TYPE_CHECKING:
    import pandas as pd

    from nearspace.space.space import Space

__all__ = ["map_facts", "map_frame", "map_page", "write_map"]

STEPS = 65_535  # of a place, along the longer side
TEXT = 240, 1000  # characters of a text, or of a row of a table, that a page has at least, at most
TEXTS = 8_000_000  # characters of all together, from which on each is cut
LISTED = 200  # outliers, and groups of near-duplicates
MEMBERS = 24  # of a group
TOLD = 5  # words of a class


@called_as("write_map(space, 'map.html')")
def write_map(space: Space, path: str | Path, layout: Map | None = None) -> Path:
    """Write the page of a space's map, to move over, zoom into and search by eye, as one HTML file.

    Parameters
    ----------
    space : Space, or vectors that `load` reads
        Ids, labels, texts and thumbnails; the name of its data is the heading.
    path : str or Path
        The file to write; folders on the way to it are made.
    layout : Map, optional
        The map, as `layout` returns it; by default it is laid out, or taken from the space.

    Returns
    -------
    Path
        The file that was written. It needs nothing else, not even a network.

    Raises
    ------
    NearspaceError
        If the space is empty, or the map is one of other items.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_map(embed(load("wine"), "pca(dim=4)")[:40], f"{folder}/wine.html")
    ...     path.stat().st_size > 10_000
    True
    """
    from nearspace.space.space import as_space

    path, space = path_of(path, "write_map"), as_space(space, "write_map")
    if not len(space):
        raise NearspaceError("write_map: the space has no items to map; add some first.")
    if layout is None:
        layout = laid_out(space)
    if not isinstance(layout, Map):
        raise NearspaceError(
            f"write_map: expected a map, as layout(space) returns it, got {type(layout).__name__}."
        )
    if not np.array_equal(layout.ids, space.ids):
        raise NearspaceError(
            "write_map: the map is of other items than the space, or of the same in another order; "
            "give nearspace.layout(space)."
        )
    marks = landmarks(space, layout.places, metric=layout.made_by["metric"])
    return map_page(space, layout, marks).write(path)


def map_page(space: Space, layout: Map, marks: Landmarks) -> Page:
    """Return the page of a map.

    Parameters
    ----------
    space : Space
        Ids, labels, texts and thumbnails; the name of its data is the heading.
    layout : Map
        The map of the space.
    marks : Landmarks
        What stands out on it.

    Returns
    -------
    Page
        With one section, whose script draws everything.
    """
    places = in_a_square(layout.places, STEPS)
    order = _along_a_curve(places)
    texts, pictures, heard = _texts(space), None, None
    if space.thumbnails is not None and len(space):
        shown = list(space.thumbnails)  # one after another: files are read so much faster
        shown = [shown[i] for i in order]
        heard = sounds(shown)
        with one_thread():  # each picture is small work
            pictures = sheets([picture_of(each or b"") for each in shown])
    data = {
        "ids": [str(space.ids[i]) for i in order],  # a script's numbers end at 2 ** 53
        "texts": [texts[i] for i in order] if texts else [],
        "places": _packed(places[order], "<u2"),
        "colourings": _colourings(space, marks, order),
        "colours": COLOURS,
        "clusters": [
            _cluster(at, of, places[marks.codes == at]) for at, of in enumerate(marks.clusters)
        ],
        **_lists(np.argsort(order), marks),
        "sheets": {"side": pictures.side, "columns": pictures.columns} if pictures else None,
        "sounds": heard.codes if heard else [],
    }
    facts = map_facts(space, layout)
    if pictures and pictures.unread:
        facts.append(f"{pictures.unread:,} thumbnails cannot be read")
    if heard and heard.left_out:
        facts.append(f"{heard.left_out:,} items without their sound, for which there is no room")
    atlas = section(
        "atlas",
        layout=layout,
        k=K,
        listed=LISTED,
        labelled=space.labels is not None,
        texts=bool(texts),
        counts={of: len(getattr(marks, of)) for of in ("clusters", "outliers", "alike")},
        sheets=pictures.codes if pictures else [],
        heard=heard is not None,
    )
    return Page(
        "map",
        space.recipe.data or "A space",
        facts,
        [atlas],
        look="atlas",
        styles=("report.css", "map.css"),
        script="map.js",
        data=data,
    )


def map_frame(space: Space, layout: Map, marks: Landmarks) -> pd.DataFrame:
    """Return each item's id and label, its place, and the number and the name of its cluster."""
    import pandas as pd

    names = [cluster_name(at, of) for at, of in enumerate(marks.clusters)]
    clustered = marks.codes >= 0
    numbers = pd.Series(marks.codes + 1, dtype="Int64").where(clustered)
    columns = {"id": space.ids, "x": layout.places[:, 0], "y": layout.places[:, 1]}
    if space.labels is not None:
        columns["label"] = space.labels
    called = [names[code] if code >= 0 else "" for code in marks.codes.tolist()]
    return pd.DataFrame({**columns, "cluster": numbers, "name": called})


def map_facts(space: Space, layout: Map) -> list[str]:
    """Return what was mapped and how far the map can be trusted, in a few words each."""
    n, queries = len(layout), layout.queries
    facts = [f"{n:,} items", space.recipe.spec]
    if math.isfinite(layout.trustworthiness):
        nearest = f"{100 * layout.preservation:.0f} % of the {K} nearest preserved"
        sample = "" if queries == n else f", on {queries:,} items"
        trust = f"trustworthiness {layout.trustworthiness:.3f} by {layout.made_by['metric']}"
        facts.append(f"{trust}, {nearest}{sample}")
    if n < FEWEST:
        facts.append("too few to lay out, on a circle in their order")
    directed = space.searcher.directed
    if layout.made_by["metric"] == "cosine" and directed is not None:
        facts.append(f"{int((~directed).sum()):,} zero vectors, nobody's neighbours, in a corner")
    placed = n - int(layout.laid_out.sum())
    if placed:
        facts.append(f"{placed:,} placed since")
    return [fact for fact in facts if fact]


def _lists(position: np.ndarray, marks: Landmarks) -> dict[str, Any]:
    """Return what stands out, by each item's position on the page."""
    return {
        "outliers": [[int(position[of.position]), of.times] for of in marks.outliers[:LISTED]],
        **{
            name: [
                [position[list(of.positions[:MEMBERS])].tolist(), len(of.positions), of.distance]
                for of in getattr(marks, name)[:LISTED]
            ]
            for name in ("alike", "nearly")
        },
    }


def _along_a_curve(places: np.ndarray) -> np.ndarray:
    """Return an order in which items near on the map stand near (Morton's), and share sheets."""
    cells = places >> 6
    key = np.zeros(len(places), dtype=np.int64)
    for bit in range(10):
        key |= (cells[:, 0] >> bit & 1) << 2 * bit | (cells[:, 1] >> bit & 1) << 2 * bit + 1
    return np.argsort(key, kind="stable")


def _packed(values: np.ndarray, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()


def _colourings(space: Space, marks: Landmarks, order: np.ndarray) -> dict[str, Any]:
    """Return the classes by which points can be coloured, commonest first, and each item's.

    Labels that are numbers have no classes, but each item's place on a scale, and ends of it.
    """
    colourings: dict[str, Any] = {}
    numbers = None if space.labels is None else numbers_of(space.labels)
    if numbers is not None:
        low, high = ends(numbers[np.isfinite(numbers)])
        shares = np.clip((numbers - low) / ((high - low) or 1.0), 0.0, 1.0)
        colourings["label"] = {
            "names": ["" if np.isnan(number) else f"{number:.6g}" for number in numbers[order]],
            "codes": _packed(np.nan_to_num(shares, nan=-1.0)[order], "<f4"),
            "colours": [colour for _, colour in SCALE],
            "ends": [f"{low:.4g}", f"{high:.4g}"],
            "missing": int(np.isnan(numbers).sum()),
        }
    elif space.labels is not None:
        names, of = classes(space.labels)
        counts = np.bincount(of[of >= 0], minlength=len(names))
        ranked = _natural_order(names)
        if len(names) > MOST_NAMED:  # the legend names the first
            ranked = np.argsort(-counts, kind="stable")
        rank = np.append(np.argsort(ranked), -1)
        colourings["label"] = {
            "names": names[ranked].tolist(),
            "counts": counts[ranked].tolist(),
            "codes": _packed(rank[of][order], "<i4"),
            "missing": int((of < 0).sum()),
            "told": _words_of(space, names[ranked]) if len(names) <= MOST_NAMED else [],
        }
    colourings["cluster"] = {
        "names": [cluster_name(at, of) for at, of in enumerate(marks.clusters)],
        "counts": [of.size for of in marks.clusters],
        "codes": _packed(marks.codes[order], "<i4"),
    }
    return colourings


def _words_of(space: Space, names: np.ndarray) -> list[str]:
    """Return the words that tell the texts of each class from the others, where there are texts."""
    if space.meta is None or "text" not in space.meta.column_names:
        return []
    labels: Any = space.labels
    texts = [str(text or "")[:READ] for text in space.meta["text"].to_pylist()]
    told = keywords(texts, [None if of is None else str(of) for of in labels.tolist()], TOLD)
    return [", ".join(word for word, _ in told.get(name, [])) for name in names.tolist()]


def cluster_name(at: int, of: Cluster) -> str:
    """Return the name of the cluster with a number, or the number where it has none."""
    return of.name or f"cluster {at + 1}"


def _natural_order(names: np.ndarray) -> np.ndarray:
    try:
        return np.argsort(names.astype(float), kind="stable")
    except ValueError:
        return np.arange(len(names))


def _cluster(at: int, of: Cluster, places: np.ndarray) -> dict[str, Any]:
    """Return the name and size of a cluster, the box it fills, and its place nearest the middle."""
    middle = np.median(places, axis=0)
    inside = places[np.abs(places - middle).sum(axis=1).argmin()]
    box = np.quantile(places, [0.02, 0.98], axis=0).round().astype(int)
    return {
        "name": cluster_name(at, of),
        "title": of.title or cluster_name(at, of),
        "label": of.labels[0][0] if of.labels else None,
        "size": of.size,
        "at": inside.tolist(),
        "box": box.ravel().tolist(),
    }


def _texts(space: Space) -> list[str]:
    """Return what can be read of each item: its text, or what is known of it, column by column."""
    if space.meta is None:
        return []
    if "text" in space.meta.column_names:
        texts = ["" if text is None else str(text) for text in space.meta["text"].to_pylist()]
    else:
        roles = space.recipe.roles.values()  # say nothing of what an item looks like
        columns = [name for name in space.meta.column_names if name not in roles]
        texts = [
            " · ".join(f"{name}: {value}" for name, value in row.items() if value is not None)
            for row in space.meta.select(columns).to_pylist()
            if columns
        ]
    least, most = TEXT
    most = max(least, min(most, TEXTS // max(1, len(texts))))
    return [text if len(text) <= most else text[: most - 1] + "…" for text in texts]
