"""`load_graph`: nodes and the edges between them, from files, frames, matrices and networkx."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.graph import Graph
from nearspace.data.kinds.interactions import SORTS, Interactions
from nearspace.data.kinds.kind import is_frame, is_sparse
from nearspace.data.load import load
from nearspace.data.nodes import Edges, Nodes
from nearspace.data.plain import as_plain
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.files import read_frame
from nearspace.data.sources import CLEAN, NAMED, check_names, left_out
from nearspace.errors import DataError

__all__ = ["holds_graph", "load_graph", "load_interactions"]

MOST_COLUMNS = 4  # two ids, and perhaps a weight and a time
LISTS = (".txt", ".edges", ".edgelist")  # two ids a line, as SNAP has them
# What arrays of an npz are called that hold a graph, ours and those of the "gnn-benchmark" files.
CSR = (("x_data", "x_indices", "x_indptr", "x_shape"), ("attr_data", "attr_indices", "attr_indptr",
       "attr_shape"))  # fmt: skip
ADJACENCY = ("adj_data", "adj_indices", "adj_indptr", "adj_shape")
LABELS = ("y", "labels")
PARTS = {"train": "train", "val": "validation", "test": "test"}


class Words(NamedTuple):
    """What links are called, and what they lead to, in notes and errors."""

    link: str
    node: str
    between: str


OF_GRAPHS = Words("edge", "a node", "between two nodes")
OF_USERS = Words("interaction", "an item", "with an item")


def load_graph(
    edges: Any,
    nodes: Any = None,
    *,
    ends: Sequence[str] | None = None,
    weights: str | None = None,
    time: str | None = None,
    directed: bool = False,
) -> Dataset:
    """Read a graph: its nodes are the items, and each brings all of its edges along.

    An edge is a row with the ids of two nodes. Edges that lead from a node to itself, that stand
    more than once, or that lead to nodes which are not there are left out, which notes say.

    Parameters
    ----------
    edges : str, path, DataFrame, array of shape (m, 2), sparse matrix, networkx graph
        A file that holds a table or has two ids a line, a table, a matrix whose entries are the
        weights of edges, or a graph. An .npz may hold nodes, features, labels and split too.
    nodes : Dataset, or what `load` reads, optional
        What is said of the nodes: texts, a table, vectors, pictures. Edges name its ids, which are
        positions where it has none of its own. Without it, nodes are those that edges name.
    ends : (str, str), optional
        The columns with the ids of both ends; the first two when absent.
    weights, time : str, optional
        Columns of the edges.
    directed : bool, default=False
        Whether edges lead one way, from the first end.

    Returns
    -------
    Dataset
        Of the kind `Graph`.

    Raises
    ------
    DataError
        If there is no edge between nodes that are there, or a weight or a time is none.

    Examples
    --------
    >>> papers = load(["on cats", "on dogs", "on both"], ids=["a", "b", "c"])
    >>> graph = load_graph([("a", "c"), ("b", "c"), ("c", "b"), ("b", "b")], papers)
    >>> graph.items.edges.ends.tolist(), graph.notes[-2:]
    ([[0, 2], [1, 2]], ('1 edge from a node to itself was left out.', '1 edge named more \
than once was left out.'))
    """
    if _is_npz(edges):
        return _of_arrays(Path(edges).expanduser(), nodes, directed)
    dataset = None if nodes is None else nodes if isinstance(nodes, Dataset) else load(nodes)
    names = None if dataset is None else _as_ids(np.asarray(dataset.ids))
    if _is_networkx(edges):
        names = _as_ids(np.array([*map(str, edges)])) if names is None else names
        directed = edges.is_directed()
        edges, weights = _of_networkx(edges, weights)
    elif is_sparse(edges):
        directed = directed or (edges.shape[0] == edges.shape[1] and bool((edges != edges.T).nnz))
        edges = edges if directed else sparse.triu(edges)  # each edge once
        names = np.arange(edges.shape[0]) if names is None else names
        edges, weights = _of_matrix(edges, names), "weight"
    ids, weight, when, name, notes = _columns(edges, ends, weights, time)
    if names is None:
        names = np.unique(np.concatenate(_alike(ids)))
    of = "nodes" if dataset is None else dataset.name
    pairs, there = _positions(ids, names, name, of, notes, OF_GRAPHS)
    weight, when = (None if values is None else values[there] for values in (weight, when))
    made = _cleaned(len(names), pairs, weight, when, directed, notes, OF_GRAPHS)
    if not len(made):
        raise DataError(f"{name}: expected an edge between two nodes, and there is none.")
    return _dataset(dataset, made, names.astype(str), name, notes)


def load_interactions(
    interactions: Any,
    items: Any = None,
    *,
    ends: Sequence[str] | None = None,
    weights: str | None = None,
    time: str | None = None,
) -> Dataset:
    """Read which users have which items: films that they saw, things that they bought.

    A row has the id of a user and that of an item. Of a pair that stands more than once the first
    counts, and what names an item that is not there is left out, which notes say.

    Parameters
    ----------
    interactions : str, path, DataFrame, array of shape (m, 2), sparse matrix
        A file that holds a table or has two ids a line, a table, or a matrix of users by items
        whose entries are weights.
    items : Dataset, or what `load` reads, optional
        What is said of the items: titles, a table, vectors, pictures. Interactions name its ids.
        An item that nobody has is there all the same. Without it, items are those that
        interactions name.
    ends : (str, str), optional
        The columns with the ids of users and of items; the first two when absent.
    weights, time : str, optional
        Columns: how much each interaction counts, and when it was.

    Returns
    -------
    Dataset
        Of the kind `Interactions`: the users, named ``user-…``, and then the items, ``item-…``.

    Raises
    ------
    DataError
        If there is no interaction with an item that is there, or a weight or a time is none.

    Examples
    --------
    >>> films = load(["Alien", "Brazil", "Clue"], ids=["a", "b", "c"])
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "b"), (2, "x")], films)
    >>> data.ids.tolist(), data.items.interactions.toarray().tolist()
    (['user-1', 'user-2', 'item-a', 'item-b', 'item-c'], [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    """
    said = None if items is None else items if isinstance(items, Dataset) else load(items)
    names = None if said is None else _as_ids(np.asarray(said.ids))
    users = None
    if is_sparse(interactions):  # of which every row is a user, and every column an item
        cells = interactions.tocoo()
        users = np.arange(cells.shape[0])
        names = np.arange(cells.shape[1]) if names is None else names
        if cells.shape[1] != len(names):
            raise DataError(
                f"load_interactions: expected a column for each of {len(names):,} items, got a "
                f"matrix of shape {cells.shape}."
            )
        interactions = _frame_of(users[cells.row], names[cells.col], cells.data)
        weights = "weight"
    ids, weight, when, name, notes = _columns(interactions, ends, weights, time)
    names = np.unique(ids[1]) if names is None else names
    users = np.unique(ids[0]) if users is None else users
    at = np.searchsorted(users, ids[0])
    of = "items" if said is None else said.name
    places, there = _positions([ids[1]], names, name, of, notes, OF_USERS)
    pairs = np.stack([at[there], len(users) + places[:, 0]], axis=1)
    weight, when = (None if values is None else values[there] for values in (weight, when))
    edges = _cleaned(len(users) + len(names), pairs, weight, when, False, notes, OF_USERS)
    if not len(edges):
        raise DataError(f"{name}: expected a user who has an item, and there is none.")
    both = zip(SORTS, (users.tolist(), names.tolist()), strict=True)
    whole = np.array([f"{sort}-{each}" for sort, own in both for each in own])
    nodes = Nodes(edges, whole, None if said is None else said.items, np.arange(len(whole)),
                  len(users))  # fmt: skip
    kind = Interactions(None if said is None else said.kind)
    return Dataset(
        nodes, kind, ids=whole, name=name if said is None else said.name,
        notes=(*(() if said is None else said.notes), *_told_of(nodes), *notes),
    )  # fmt: skip


def _told_of(nodes: Nodes) -> list[str]:
    """Return how many users and items there are, and how many with hardly any interaction."""
    counts = np.diff(nodes.edges.symmetric.indptr)
    users, items = counts[: nodes.users], counts[nodes.users :]
    told = [f"{len(users):,} users, {len(items):,} items and {len(nodes.edges):,} interactions."]
    if once := int((users == 1).sum()):
        told.append(f"{once:,} user{'s have' if once > 1 else ' has'} one item alone.")
    if bare := int((users == 0).sum()):  # all that they had is not among the items
        told.append(f"{bare:,} user{'s have' if bare > 1 else ' has'} no item.")
    if nobody := int((items == 0).sum()):
        told.append(f"{nobody:,} item{'s' * (nobody > 1)} nobody has.")
    return told


def _columns(
    edges: Any, ends: Sequence[str] | None, weights: str | None, time: str | None
) -> tuple[list[np.ndarray], np.ndarray | None, np.ndarray | None, str, list[str]]:
    """Return the ids of both ends of edges, weights, times, what to call them, and notes."""
    frame, name, notes = _frame(edges)
    check_names(name, "column", (*(ends or ()), weights, time), frame.columns)
    if frame.shape[1] < 2 or (ends is not None and len(ends) != 2):
        raise DataError(f"{name}: expected two columns with the ids of both ends of each edge.")
    columns = [*(ends or frame.columns[:2])]
    rows = frame[columns].notna().all(axis=1).to_numpy()
    if count := int((~rows).sum()):
        notes.append(left_out(count, "row", "with one end alone"))
    frame = frame[rows]
    ids = [_as_ids(frame[column].to_numpy()) for column in columns]
    weight = None if weights is None else _weights(frame[weights], name)
    when = None if time is None else CLEAN["time"](frame[time].to_numpy(), name)
    return ids, weight, when, name, notes


def holds_graph(source: Any) -> bool:
    """Return whether a source is a graph of networkx, or an .npz with arrays called as edges are.

    Examples
    --------
    >>> holds_graph("digits")
    False
    """
    if _is_networkx(source):
        return True
    if not _is_npz(source) or not Path(source).expanduser().is_file():
        return False
    try:
        with np.load(Path(source).expanduser(), allow_pickle=False) as arrays:
            return "edges" in arrays or {*ADJACENCY} <= {*arrays}
    except (OSError, ValueError):
        return False


def _is_networkx(source: Any) -> bool:
    return hasattr(source, "adj") and hasattr(source, "is_directed")


def _is_npz(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and str(source).lower().endswith(".npz")


def _dataset(
    said: Dataset | None, edges: Edges, names: np.ndarray, name: str, notes: list[str]
) -> Dataset:
    """Return nodes as a dataset, which knows what another one does, where something is said."""
    alone = int((np.diff(edges.symmetric.indptr) == 0).sum())
    told = [f"{len(names):,} nodes and {len(edges):,} {'directed ' * edges.directed}edges."]
    if edges.directed:
        told.append("Encoders look along edges whichever way they lead; PageRank goes one way.")
    if alone:
        told.append(f"{alone:,} node{'s have' if alone > 1 else ' has'} no edge.")
    rows = np.arange(len(names))
    if said is None:
        items = Nodes(edges, names, None, rows)
        return Dataset(items, Graph(None), ids=names, name=name, notes=(*told, *notes))
    return dataclasses.replace(
        said,
        items=Nodes(edges, names, said.items, rows),
        kind=Graph(said.kind),
        ids=names,
        notes=(*said.notes, *told, *notes),
    )


def _frame(edges: Any) -> tuple[Any, str, list[str]]:
    """Return the edges as a table, what to call it, and what there is to say of it."""
    import pandas as pd

    if isinstance(edges, str | os.PathLike):
        path = Path(edges).expanduser()
        if path.name.lower().endswith(LISTS):
            with told_of_file(path.name):
                lines = path.read_text(encoding="utf-8").splitlines()
            rows = [line.split() for line in lines if line.strip() and line[0] not in "#%"]
            lengths = {len(row) for row in rows}
            if len(lengths) != 1 or not 2 <= min(lengths) <= MOST_COLUMNS:
                raise DataError(f"{path.name}: expected two ids in each line, blanks between them.")
            return pd.DataFrame([row[:2] for row in rows]), path.name, []
        frame, notes = read_frame(path)
        return frame, path.name, list(notes)
    listed = isinstance(edges, list | tuple)
    items = edges if listed or is_frame(edges) else as_plain(edges).items
    if not is_frame(items):
        try:
            array = np.array(items, dtype=object if listed else None)
        except ValueError:  # rows of several lengths
            array = np.empty(0)
        if array.ndim != 2 or not array.size or array.shape[1] != 2:
            raise DataError(
                "load_graph: expected edges as rows of two ids, got an array of shape "
                f"{array.shape}."
            )
        if array.dtype.kind not in "iuUO" and not np.array_equal(array, np.floor(array)):
            raise DataError(
                "load_graph: expected edges as rows of two ids, got numbers that are not whole."
            )
        items = pd.DataFrame(array)
    return items, "edges", []


def _frame_of(first: Any, second: Any, weight: Any) -> Any:
    import pandas as pd

    return pd.DataFrame({"first": first, "second": second, "weight": weight})


def _of_matrix(matrix: Any, names: np.ndarray) -> Any:
    """Return the entries of a matrix as a table of edges between nodes of these names."""
    if matrix.shape != (len(names), len(names)):
        raise DataError(
            f"load_graph: expected a matrix with a row and a column for each of {len(names):,} "
            f"nodes, got one of shape {matrix.shape}."
        )
    entries = matrix.tocoo()
    return _frame_of(names[entries.row], names[entries.col], entries.data)


def _of_networkx(graph: Any, weights: str | None) -> tuple[Any, str | None]:
    """Return the edges of a networkx graph as a table, weighted where they have a weight."""
    key = weights or "weight"
    rows = [(str(one), str(other), data.get(key)) for one, other, data in graph.edges(data=True)]
    weighted = {weight is not None for *_, weight in rows}
    if weighted == {True, False} or (weights is not None and False in weighted):
        raise DataError(
            f"load_graph: expected a '{key}' of every edge, or of none, and some have none; give "
            "each one, or take it off them."
        )
    frame = _frame_of(*(zip(*rows, strict=True) if rows else ((), (), ())))
    return frame, "weight" if weighted == {True} else None


def _as_ids(values: np.ndarray) -> np.ndarray:
    """Return ids as whole numbers where they are such, else as text.

    In text a whole number is written alike whatever type it had.
    """
    if values.dtype.kind in "iu":
        return values
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values % 1 == 0).all():
        return values.astype(np.int64)
    return np.array([
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        for value in values.tolist()
    ], dtype=str)  # fmt: skip


def _alike(ids: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return ids of one type: text, unless all are numbers."""
    numbers = all(own.dtype.kind in "iu" for own in ids)
    return [own if numbers else own.astype(str) for own in ids]


def _weights(column: Any, name: str) -> np.ndarray:
    """Return weights as numbers of which none is missing, infinite or below 0."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if len(wrong):
        raise DataError(
            f"{name}: expected weights of 0 or more, got '{column.iloc[wrong[0]]!s:.40}' in row "
            f"{column.index[wrong[0]]}; correct {len(wrong):,} of them, or leave weights out."
        )
    return values.astype(np.float32)


def _positions(
    ids: list[np.ndarray], names: np.ndarray, name: str, nodes: str, notes: list[str], words: Words
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the ends of edges whose nodes are there, and which these are."""
    import pandas as pd

    *ids, names = _alike([*ids, names])
    index = pd.Index(names)
    if not index.is_unique:
        twice = names[index.duplicated()][0]
        raise DataError(
            f"{nodes}: the id '{twice!s:.60}' stands more than once; expected one each."
        )
    pairs = np.stack([index.get_indexer(pd.Index(own)) for own in ids], axis=1)
    there = np.asarray((pairs >= 0).all(axis=1))
    if not there.all():
        unknown = {*np.concatenate([own[at < 0] for own, at in zip(ids, pairs.T, strict=True)])}
        some = ", ".join(f"'{each!s:.60}'" for each in sorted(unknown)[:NAMED])
        if not there.any():
            raise DataError(
                f"{name}: none of the {len(there):,} {words.link}s is {words.between} of {nodes}, "
                f"which has '{names[0]!s:.60}', where {words.link}s name {some}; give its ids "
                f"(ids=), or the columns with the ends of {words.link}s (ends=)."
            )
        more = f" and {len(unknown) - NAMED:,} more" * (len(unknown) > NAMED)
        count = int((~there).sum())
        what = f"that name{'s' * (count == 1)} {words.node} which {nodes} does not have"
        notes.append(left_out(count, words.link, what, some + more))
    return pairs[there], there


def _cleaned(
    n: int,
    pairs: np.ndarray,
    weights: np.ndarray | None,
    time: np.ndarray | None,
    directed: bool,
    notes: list[str],
    words: Words,
) -> Edges:
    """Return edges of which none stands twice, nor leads to where it starts, nor weighs nothing."""
    stays = pairs[:, 0] != pairs[:, 1]
    if count := int((~stays).sum()):
        notes.append(left_out(count, words.link, "from a node to itself"))
    if weights is not None and (empty := int((stays & (weights == 0)).sum())):
        stays &= weights > 0
        notes.append(left_out(empty, words.link, "with a weight of 0"))
    rows = np.flatnonzero(stays)
    if time is not None:  # of an edge that came about twice, the first time counts
        rows = rows[np.argsort(time[rows], kind="stable")]
    ends = pairs[rows] if directed else np.sort(pairs[rows], axis=1)
    _, first, of = np.unique(ends @ np.array([n, 1]), return_index=True, return_inverse=True)
    if count := len(rows) - len(first):
        notes.append(left_out(count, words.link, "named more than once"))
    if weights is not None:
        unlike = np.zeros(len(first), dtype=bool)
        np.logical_or.at(unlike, of, weights[rows] != weights[rows[first]][of])
        if unlike.any():
            notes.append(
                f"{int(unlike.sum()):,} of these have several weights, of which the first counts."
            )
    chosen = rows[first]
    weights, time = (None if values is None else values[chosen] for values in (weights, time))
    if weights is not None and (weights == 1).all():
        weights = None
    return Edges(n, ends[first], weights, time, directed)


def _of_arrays(path: Path, nodes: Any, directed: bool) -> Dataset:
    """Return the graph that the arrays of an .npz hold, with labels and a split where they do."""
    if nodes is not None:
        raise DataError(f"{path.name} holds nodes and edges; leave the other nodes out.")
    with told_of_file(path.name), np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if file[name].dtype.kind != "O"}
        features = next((_csr(arrays, names) for names in CSR if {*names} <= {*arrays}), None)
        features = arrays.get("x") if features is None else features
        linked = _csr(arrays, ADJACENCY) if {*ADJACENCY} <= {*arrays} else None
    edges = arrays.get("edges") if linked is None else linked
    if edges is None:
        raise DataError(
            f"{path.name}: expected an array 'edges' of two positions a row, or {ADJACENCY[0]} and "
            f"what goes with it; got {', '.join(sorted(arrays)) or 'none'}."
        )
    labels = next((arrays[name] for name in LABELS if name in arrays), None)
    counts = [len(part) if isinstance(part, np.ndarray) else part.shape[0]
              for part in (features, labels, linked) if part is not None]  # fmt: skip
    if len({*counts}) > 1:
        raise DataError(
            f"{path.name}: features, labels and edges are of {', '.join(map(str, counts))} nodes."
        )
    if linked is None and counts:
        edges = _between(edges, counts[0], path.name)
        edges = edges if directed else sparse.csr_array(edges.maximum(edges.T))
    split = _split_of(arrays, counts[0], path.name) if counts else None
    said = None if features is None else load(features, labels=labels, split=split)
    graph = load_graph(edges, said, directed=directed)
    if said is None:
        graph = dataclasses.replace(graph, target=labels, split=split)
    return dataclasses.replace(graph, name=path.name)


def _between(edges: np.ndarray, n: int, name: str) -> sparse.csr_array:
    """Return edges as a matrix, of nodes at n positions."""
    if edges.ndim == 2 and edges.shape[0] == 2 != edges.shape[1]:
        edges = edges.T
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu" or not len(edges):
        raise DataError(
            f"{name}: expected 'edges' as rows of two positions, got {edges.dtype} of shape "
            f"{edges.shape}."
        )
    if edges.min() < 0 or edges.max() >= n:
        wrong = edges.min() if edges.min() < 0 else edges.max()
        raise DataError(f"{name}: there are {n:,} nodes, and an edge names the position {wrong}.")
    ones = np.ones(len(edges), np.float32)
    matrix = sparse.csr_array(sparse.coo_array((ones, edges.T), shape=(n, n)))
    matrix.data[:] = 1  # each once, however often it stands there
    return matrix


def _split_of(arrays: dict[str, np.ndarray], n: int, name: str) -> np.ndarray | None:
    """Return the published split that arrays tell of positions, or of marks, of nodes."""
    parts = {part: arrays[own] for own, part in PARTS.items() if own in arrays}
    if not parts:
        return None
    split = np.full(n, "", dtype="U10")
    for part, rows in parts.items():
        marks = rows.dtype.kind == "b" and len(rows) == n
        if not marks and (rows.dtype.kind not in "iu" or (len(rows) and rows.max() >= n)):
            raise DataError(f"{name}: expected the {part} nodes as positions among {n:,}.")
        split[rows] = part
    return split


def _csr(arrays: dict[str, np.ndarray], names: Sequence[str]) -> sparse.csr_array:
    data, indices, indptr, shape = (arrays[name] for name in names)
    rows, columns = (int(size) for size in shape)
    matrix = sparse.csr_array((data, indices, indptr), shape=(rows, columns))
    matrix.check_format(full_check=True)
    return matrix
