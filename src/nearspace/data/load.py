"""`load`: one way in for files, folders, arrays, lists and frames."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data.chunks import check_chunks, chunked
from nearspace.data.column_types import check_types
from nearspace.data.dataset import Dataset
from nearspace.data.file_names import with_fields
from nearspace.data.frames import frame_source
from nearspace.data.kinds.kind import (
    ItemsRead,
    Kind,
    Progress,
    Wanted,
    content_hash,
    infer_kind,
    is_frame,
)
from nearspace.data.lots import keys_of, lots
from nearspace.data.memory import release_arrow, told_of_memory
from nearspace.data.paths import names_below
from nearspace.data.patterns import NamePattern, read_pattern
from nearspace.data.plain import as_plain
from nearspace.data.readers import archives, files, folders
from nearspace.data.roles import role_notes
from nearspace.data.samples import SAMPLES
from nearspace.data.sources import (
    Asked,
    Source,
    check_columns,
    check_names,
    no_names,
    one_each,
    with_clean_roles,
)
from nearspace.data.target import Target
from nearspace.errors import DataError, called_as, did_you_mean

__all__ = ["dataset_of", "load"]


@called_as("load(data, labels=labels)")
def load(
    source: Any,
    *,
    kind: str | None = None,
    size: int | None = None,
    rate: float | None = None,
    column: str | Collection[str] | None = None,
    labels: Any = None,
    groups: Any = None,
    time: Any = None,
    ids: Any = None,
    split: Any = None,
    without: Collection[str] | None = None,
    types: Mapping[str, str] | None = None,
    ratio: str | Collection[str] | None = None,
    pattern: str | None = None,
    chunks: float | None = None,
    overlap: float = 0,
    limit: int | None = None,
    test: Any = None,
    like: Kind | None = None,
    random_state: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Read data, know its kind, and say why.

    Parameters
    ----------
    source : str, path, array, list, DataFrame, data set
        One of

        - the name of a sample: ``"digits"``, ``"wine"``, ``"sentences"``, ``"customers"``,
          ``"gestures"``, ``"vowels"``;
        - a folder of images, or of texts (``.txt``, ``.md``), whose subfolders are the labels,
          under ``train/`` and ``test/`` where there is a published split;
        - a folder of idx files as MNIST ships them;
        - an archive of such a folder, or of one table: ``.zip``, ``.tar``, ``.tar.gz``,
          ``.tar.bz2``, ``.tar.xz``;
        - a file that ends in ``.npy``, ``.npz``, ``.txt`` (a text a line), ``.csv``, ``.tsv``,
          ``.data``, ``.dat``, ``.jsonl``, ``.ndjson``, ``.json`` (lists of objects), ``.ts``
          (series) or ``.parquet``; those of text may be packed (``.gz``, ``.bz2``, ``.xz``);
          with ``kind="text"`` one of any other ending too, a text a line;
        - an array or a tensor, of numbers, texts or records; a sparse matrix;
        - a list of ``str``, of paths (all of which are files), of pictures opened by Pillow, of
          dicts, of rows, or of pairs of an item and its label;
        - a DataFrame or another table that Arrow can read, such as one of Polars, a Series, or a
          dict of columns;
        - a data set of torch or of Hugging Face, by its length and positions, or a `Dataset`,
          which is returned as it is.
    kind : {"audio", "image", "series", "table", "text", "vector"}, optional
        Overrules what the source looks like.
    size : int, optional
        Height and width of images. By default their own if all agree and it is at most 96, else
        64.
    rate : float, optional
        Samples a second to which sounds are brought, by default those of most of them; steps a
        second of series.
    column : str or list of str, optional
        The column of a table that holds texts or vectors, or the array of an ``.npz`` that holds
        the items. Of several columns the texts are joined in the order given, with a blank line
        between any two. By default the one column of long texts, where there is one.
    labels, groups, time, ids, split : str or array-like, optional
        The name of a column, or the values themselves: the class of each item, or its number
        where one is not whole; what must not stand on both sides of a split; when it came about;
        its identity; the part of a published split, such as ``"train"`` and ``"test"``.
    without : collection of str, optional
        Columns of a table that are no features; they stay metadata.
    types : mapping of str to str, optional
        What columns of a table are, whatever they look like: ``"number"``, ``"category"``,
        ``"categories"`` (several in a cell), ``"date"``, ``"text"``, or ``"id"``, which names the
        row and is no feature.
    ratio : str or collection of str, optional
        Columns of a table to make of two others, such as ``"loans/income"``. A row in which the
        second is zero has none.
    pattern : str, optional
        What names of files look like, such as ``"{label}_{group}_{}.wav"``, see
        `nearspace.data.patterns.read_pattern`: ``{label}``, ``{group}``, ``{id}``, ``{time}`` and
        ``{split}`` are roles, ``{}`` is anything, another name a column. With a slash it is one of
        paths below the folder.
    chunks : float, optional
        How long a chunk is, into which items are cut: so many words of a text, seconds of a sound,
        steps of a series. Each is an item then, whose group is what it was cut from, see
        `nearspace.data.chunks.chunked`.
    overlap : float, default=0
        How much of a chunk, in the same unit, ends the one before.
    limit : int, optional
        At most so many items, drawn at random before images are decoded or texts are cut, in the
        same proportion from each part of a published split.
    test : str, path, ndarray, list of str or DataFrame, optional
        A test set of one's own, read in the same way; all of `source` is then for training.
    like : Kind, optional
        The kind to read the items as: images in its shape, a table with its columns.
    random_state : int
        The seed of what `limit` draws.
    progress : callable, optional
        Called with the number of images decoded and the number of all.

    Returns
    -------
    Dataset
        The items; its `notes` say what was seen, and what was left out.

    Raises
    ------
    DataError
        If the source cannot be read or not be used as asked.

    Examples
    --------
    >>> from nearspace import load
    >>> texts = load(["near", "alike", "far"], labels=["a", "a", "b"])
    >>> texts.kind, texts.target.values.tolist(), texts.notes
    (Text(), ['a', 'a', 'b'], ('Read as text: list of str.',))
    """
    roles = {"labels": labels, "groups": groups, "time": time, "ids": ids, "split": split}
    given = {role: value for role, value in roles.items() if value is not None}
    without = [without] if isinstance(without, str) else list(without or ())
    columns = [column] if isinstance(column, str) else list(column or ())
    ratios, types = [ratio] if isinstance(ratio, str) else list(ratio or ()), dict(types or {})
    if isinstance(source, Dataset):
        asked = {"kind": kind, "size": size, "rate": rate, "limit": limit, "test": test}
        asked |= {"column": columns or None, "without": without or None, "chunks": chunks}
        asked |= {"types": types or None, "ratio": ratios or None, "pattern": pattern}
        for option, value in (asked | given).items():
            if value is not None:
                raise DataError(f"A Dataset cannot be read with {option}=; leave it out.")
        return source
    check_columns(columns)
    check_types(types, "types=")
    check_chunks(chunks, overlap)
    if limit is not None and limit < 1:
        raise DataError(f"load: expected a limit of at least 1, got {limit}.")
    if size is not None and size < 1:
        raise DataError(f"load: expected a size of at least 1 pixel, got {size}.")
    if rate is not None and not 0 < rate < float("inf"):
        raise DataError(f"load: rate= is above 0, got {rate:g}; give samples or steps a second.")
    if kind is not None and kind not in Kind.registry:
        raise DataError(f"load: there is no kind '{kind}'. {did_you_mean(kind, Kind.registry)}")
    if test is not None and any(not isinstance(value, str) for value in given.values()):
        raise DataError("load: with test=, labels and the like are named, not given as arrays.")
    of_names = None if pattern is None else read_pattern(pattern, given)
    asked_for = Asked(
        tuple(columns),
        without=tuple(without),
        types=types,
        like=like,
        ratios=tuple(ratios),
        kind=kind if like is None else like.name,
        fields=() if of_names is None else of_names.fields,
    )
    with told_of_memory(str(source) if isinstance(source, str | os.PathLike) else "The data"):
        opened = [_open(source, given, asked_for, of_names)]
        if test is not None:
            if like is None and opened[0].kind is not None:
                asked_for = dataclasses.replace(asked_for, like=opened[0].kind)
            opened.append(_open(test, given, asked_for, of_names))
        parts = _limited(opened, limit, random_state)
        dataset = _dataset(parts[0], kind, Wanted(size, like, progress, rate))
        if test is not None:
            wanted = Wanted(size, dataset.kind, progress)
            dataset = _joined(dataset, _dataset(parts[1], kind, wanted))
        del opened, parts  # what was read goes, and Arrow would hold on to its memory
        release_arrow()
        return dataset if chunks is None else chunked(dataset, chunks, overlap)


def dataset_of(data: Any, labels: Any = None, like: Kind | None = None) -> Dataset:
    """Return a dataset as it is, other data as `load` reads them; with labels if given.

    Parameters
    ----------
    data : Dataset, or what `load` reads
        The items.
    labels : str or array-like, optional
        Their labels, in place of those that the data bring, or the name of a column of theirs.
    like : Kind, optional
        The kind to read the items as, where they are no dataset yet.

    Examples
    --------
    >>> dataset_of(["near", "alike", "far"], ["a", "a", "b"]).kind
    Text()
    """
    if not isinstance(data, Dataset):
        return load(data, labels=labels, like=like)
    if labels is None:
        return data
    if isinstance(labels, str):
        columns = [] if data.meta is None else data.meta.column_names
        check_names(data.name, "column", [labels], columns)
        labels = data.meta[labels]  # type: ignore[index]
    told: list[str] = []
    if not isinstance(labels, Target):
        labels = one_each(labels, "labels", len(data), data.name)
        told = role_notes(labels, "labels")
    return dataclasses.replace(data, target=labels, labelled=None, notes=(*data.notes, *told))


def _open(
    source: Any, given: dict[str, Any], asked: Asked, pattern: NamePattern | None = None
) -> Source:
    """Return what a source holds, with the roles asked for, each of them clean."""
    named = {role: name for role, name in given.items() if isinstance(name, str)}
    fields = {role: name for role, name in named.items() if name in asked.fields}
    given = {role: value for role, value in given.items() if role not in fields}
    if isinstance(source, str | os.PathLike):
        asked = _with_names(asked, given)
        opened = _open_path(str(source), asked)
    else:
        _check_order(source, given)
        plain = as_plain(source, are_texts=asked.kind == "text")
        given = plain.roles | given
        if (seen := given.pop("column", None)) is not None and not asked.columns:
            asked = dataclasses.replace(asked, columns=(seen,))
        asked = _with_names(asked, given)
        if is_frame(plain.items):
            opened = frame_source(plain.items, asked, "data")
        else:
            no_names(f"A source of type {type(source).__name__}", asked)
            opened = _of_items(plain.items)
        opened.notes = [*plain.notes, *opened.notes]
    if not len(opened):
        raise DataError(f"{opened.name}: expected at least one item, got none.")
    opened.roles |= {role: value for role, value in given.items() if role not in asked.roles}
    return with_clean_roles(opened if pattern is None else with_fields(opened, pattern, fields))


def _with_names(asked: Asked, given: dict[str, Any]) -> Asked:
    """Return what is asked for with those of the roles that are names of columns."""
    names = {role: value for role, value in given.items() if isinstance(value, str)}
    return dataclasses.replace(asked, roles=names)


def _of_items(items: Any) -> Source:
    """Return the source of items that are no table; files go by their names."""
    source = Source(items, "data", "")
    if source.kind_of_files is not None:
        source.seen = f"{len(items):,} files"
        source.names = np.array(names_below(items))
        if len({*source.names.tolist()}) == len(source):
            source.roles["ids"] = source.names
    return source


def _check_order(source: Any, given: dict[str, Any]) -> None:
    """Raise where values of a role are of other rows than the items, as far as indexes tell.

    Two indexes that hold the same names in another order say which value belongs to which item,
    and it is not the one at its place.
    """
    own = getattr(source, "index", None) if hasattr(source, "iloc") else None
    for role, values in given.items():
        index = getattr(values, "index", None) if hasattr(values, "iloc") else None
        if own is None or index is None or len(own) != len(index) or own.equals(index):
            continue
        if own.is_unique and index.is_unique and not len(own.difference(index)):
            raise DataError(
                f"data: the {role} have the index of the items in another order; bring them into "
                f"theirs ({role}.loc[data.index]), or give {role}.to_numpy() where places count."
            )


def _open_path(source: str, asked: Asked) -> Source:
    place = os.path.expanduser(source)
    path = Path(place)
    if source in SAMPLES:
        no_names(f"The sample '{source}'", asked)
        sample = SAMPLES[source]()
        roles = {"ids": np.asarray(sample.ids)}
        if sample.labels is not None:
            roles["labels"] = sample.labels
        if sample.groups is not None:
            roles["groups"] = sample.groups
        notes = list(sample.notes)
        opened = Source(sample.items, source, "a sample", roles, notes, kind=sample.kind)
        if os.path.exists(place):
            opened.notes.append(f"'{source}' is a sample; for what lies here, write ./{source}.")
        return opened
    # Unlike the methods of a Path, these take any text, however long or empty.
    if os.path.isdir(place):
        no_names(f"The folder {path.name}", asked)
        return folders.read_folder(path)
    if os.path.exists(place):
        read = archives.read_archive if archives.is_archive(path.name) else files.read_file
        return read(path, asked)
    others = [other.name for other in path.parent.iterdir()] if os.path.isdir(path.parent) else []
    # Of a folder that may hold thousands of names only a near one is worth showing.
    near = difflib.get_close_matches(path.name, [*others, *SAMPLES], n=1, cutoff=0.6)
    raise DataError(
        f"There is no file, folder or sample '{source}'. {did_you_mean(path.name, near or SAMPLES)}"
    )


def _limited(sources: list[Source], limit: int | None, random_state: int) -> list[Source]:
    """Return at most ``limit`` items, the same share of every part, in their order."""
    if limit is None or limit >= sum(map(len, sources)):
        return sources
    codes = []
    for number, source in enumerate(sources):
        split = source.roles.get("split", np.zeros(len(source)))
        codes.append(3 * number + np.unique(split, return_inverse=True)[1])
    parts = np.concatenate(codes)
    _, part, counts = np.unique(parts, return_inverse=True, return_counts=True)
    shares = limit * counts / len(parts)
    wanted = np.floor(shares).astype(int)
    wanted[np.argsort(wanted - shares, kind="stable")[: limit - wanted.sum()]] += 1
    # Each draws by its own name, so that few are others where the source grows.
    names = np.concatenate([source.roles["ids"].astype(str) for source in sources])
    order = np.argsort(lots(keys_of(content_hash(names.tolist())), random_state), kind="stable")
    drawn = np.zeros(len(parts), dtype=bool)
    for number, count in enumerate(wanted):
        drawn[order[part[order] == number][:count]] = True
    limited = []
    for source, own in zip(sources, np.split(drawn, [len(sources[0])]), strict=False):
        rows = np.flatnonzero(own)
        if not len(rows):
            raise DataError(f"{source.name}: a limit of {limit} leaves none of its items.")
        limited.append(source.take(rows))
        limited[-1].notes.append(f"{len(rows):,} of {len(source):,} items were drawn at random.")
    return limited


def _dataset(source: Source, kind: str | None, wanted: Wanted) -> Dataset:
    """Return what a source holds, decoded and checked; of the kind ``wanted.like`` if given."""
    source, read = _read(source, kind, wanted)
    items, of, like, notes = read.items, read.kind, wanted.like, source.notes
    if like is not None:
        if like.name != of.name:
            raise DataError(
                f"{source.name}: expected {like.plural}, like the others, got {of.plural}."
            )
        items, left = like.select(items)
        items, of, notes = like.check(items, source.name), like, [*notes, *left]
    meta = None if source.meta is None else _arrow(source.meta)
    roles: dict[str, Any] = {
        "target" if role == "labels" else role: values for role, values in source.roles.items()
    }
    if source.kind_of_files is not None:
        roles["files"] = source.items
    told: dict[str, Any] = {"notes": tuple(notes), "left_out": source.left_out}
    return Dataset(items, of, meta=meta, name=source.name, **told, **roles)


def _read(source: Source, kind: str | None, wanted: Wanted) -> tuple[Source, ItemsRead]:
    """Return a source without files that cannot be read, with notes, and its items checked.

    They are of the kind ``kind`` if given, and else of what they look like.
    """
    of_files, items = source.kind_of_files, source.items
    if of_files is not None:
        if kind not in (None, of_files.name):
            raise DataError(
                f"{source.name}: {source.seen} is read as {of_files.plural}, not as kind '{kind}'."
            )
        read, reason = of_files.read(items, wanted), source.seen
    else:
        try:
            of: Kind
            if source.kind is not None and kind in (None, source.kind.name):
                of, reason = source.kind, source.kind.described
            elif kind is None:
                of, reason = infer_kind(items)
            else:
                items, reason = Kind.registry[kind].coerce(items, wanted.rate), "as asked"
                of = Kind.registry[kind].infer(items)
        except ValueError as error:  # of NumPy where lengths differ
            reason = str(error) if isinstance(error, DataError) else "their lengths differ."
            if source.kind is not None:
                reason = f"it holds {source.kind}, which kind '{kind}' does not take: {reason}"
            raise DataError(f"{source.name}: {reason}") from None
        reason = f"{source.seen}, {reason}" if source.seen else reason
        read = of.convert(items, source.name, wanted)
    notes = [f"Read as {read.kind.name}: {reason}.", *read.notes, *source.notes]
    noun = "file" if of_files is not None else "picture"
    source = dataclasses.replace(source, notes=notes)
    return source.without(read.failed, noun, "that could not be read"), read


def _arrow(frame: Any) -> Any:
    """Return a DataFrame as an Arrow table; a column of several types becomes text."""
    import pyarrow as pa

    columns = {}
    for name, column in frame.items():
        try:
            columns[name] = pa.array(column, from_pandas=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            columns[name] = pa.array(column.astype(str).where(column.notna(), None))
    return pa.table(columns)


def _joined(train: Dataset, test: Dataset) -> Dataset:
    """Return training and test items as one dataset with a published split."""
    split = np.repeat(["train", "test"], [len(train), len(test)])
    names = [*np.asarray(train.ids), *np.asarray(test.ids)]
    ids = [f"{part}/{name}" for part, name in zip(split, names, strict=True)]
    roles: dict[str, Any] = {"ids": np.array(ids), "split": split}
    for role, what in {"target": "labels", "groups": "groups", "time": "time"}.items():
        values, others = (getattr(side, what) for side in (train, test))
        if (values is None) != (others is None):
            without = train if values is None else test
            how = "sort its files into a subfolder for each class, or " if what == "labels" else ""
            raise DataError(
                f"{without.name} has no {what}, unlike the other part of the data: {how}name the "
                f"column that holds them in both ({what}=)."
            )
        if values is not None:
            try:
                roles[role] = np.concatenate([values, others])
            except TypeError:
                raise DataError(
                    f"{test.name}: its {what} are {others.dtype}, those of training {values.dtype}."
                ) from None
    if train.files is not None and test.files is not None:
        roles["files"] = np.concatenate([train.files, test.files])
    notes = list(train.notes)
    if train.split is not None:
        notes.append("The published split of the training items was given up for the test items.")
    notes.append(f"Test items come from {test.name}.")
    notes += [f"Test: {note}" for note in test.notes]
    items, meta = train.kind.join(train.items, test.items), None
    if train.meta is not None and test.meta is not None:
        import pyarrow as pa

        with contextlib.suppress(pa.ArrowException):
            meta = pa.concat_tables([train.meta, test.meta], promote_options="permissive")
    if meta is None and (train.meta is not None or test.meta is not None):
        notes.append("The other columns of the two parts do not go together, and were left out.")
    gone = {f"train/{name}": why for name, why in train.left_out.items()}
    gone |= {f"test/{name}": why for name, why in test.left_out.items()}
    told: dict[str, Any] = {"notes": tuple(notes), "left_out": gone}
    return Dataset(items, train.kind, meta=meta, name=train.name, **told, **roles)
