"""What people try first in Python: each works, or is refused in one sentence, and nothing hangs."""

import collections
import copy
import dataclasses
import functools
import itertools
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from PIL import Image as Pillow
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA

import nearspace
from nearspace import (
    NearspaceError,
    Network,
    Space,
    analogy,
    compare,
    compare_layers,
    decode,
    diff,
    embed,
    explain,
    interpolate,
    keywords,
    layout,
    load,
    load_encoder,
    load_pairs,
    load_retrieval,
    make,
    mine,
    neighbours,
    open_space,
    pack,
    sample,
    save,
    train_test_split,
    transfer,
    unpack,
    write_map,
    write_report,
)

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(12, 3)), np.arange(12) % 2
GREY = RANDOM.integers(0, 256, (12, 8, 6), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 3, 8, 6), dtype=np.uint8)  # channels first
TEXTS = [f"text number {row} of {row % 2}" for row in range(12)]
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "text": TEXTS, "label": Y})
ROWS = [{"a": float(row), "b": "uv"[row % 2]} for row in range(12)]
Row = collections.namedtuple("Row", ["a", "b"])
Record = dataclasses.make_dataclass("Record", ["a", "b"])
PICTURES = [Pillow.fromarray(pixels) for pixels in GREY]
SPARSE = sparse.random_array((12, 40), density=0.1, format="coo", random_state=0)


class Pictured(torch.utils.data.Dataset):
    """As people write them: a length, and no IndexError beyond it."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.from_numpy(COLOUR[index % 12]), index % 2


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        return itertools.repeat(torch.zeros(3))


class NoLength(Pictured):
    __len__ = None


class TooShort(Pictured):
    def __getitem__(self, index):
        if index == 7:
            raise OSError("the disk\nis gone")
        return super().__getitem__(index)


class TooLong(Pictured):
    def __len__(self):
        return 10**15


class Described:
    """A data set that says what its columns hold, as those of Hugging Face do."""

    def __init__(self, columns, names=None):
        self.columns = columns
        self.features = {name: self.feature(name, names) for name in columns}

    def feature(self, name, names):
        Feature = collections.namedtuple("Feature", ["dtype", "names"])
        if name == "label":
            return Feature("int64", names)
        return Feature("string" if isinstance(self.columns[name][0], str) else "image", None)

    @property
    def column_names(self):
        return [*self.columns]

    def __len__(self):
        return len(self.columns["label"])

    def __getitem__(self, key):
        return self.columns[key]


class Streamed:
    """A table of any library, known by the Arrow stream alone."""

    def __init__(self, columns):
        self.table = pa.table(columns)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class Interchanged:
    """A table known by the dataframe interchange alone."""

    def __init__(self, table, broken=False):
        self.table, self.broken = table, broken

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        if self.broken:
            raise NotImplementedError("no such\nthing")
        return self.table.__dataframe__(nan_as_null, allow_copy)


class Lazy:
    def collect(self):
        pytest.fail("nobody asked for it")


class ArrayLike:
    def __array__(self, dtype=None, copy=None):
        return X.copy()


def masked():
    gaps = np.zeros(X.shape, dtype=bool)
    gaps[4, 1] = True
    return np.ma.masked_array(X, gaps)


def endless():
    while True:
        yield [0.0, 1.0]


def nested():
    return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged)


NAMES = ["u", "v"] * 6
CLASSES = Y.tolist()
WORKS = {
    # what, options: kind, shape, labels
    "a matrix": (X, {"labels": Y}, "vector", (12, 3), CLASSES),
    "float16": (X.astype(np.float16), {}, "vector", (12, 3), None),
    "long double": (X.astype(np.longdouble), {}, "vector", (12, 3), None),
    "big endian": (X.astype(">f4"), {}, "vector", (12, 3), None),
    "truth values": (X > 0, {}, "vector", (12, 3), None),
    "numbers as objects": (X.astype(object), {}, "vector", (12, 3), None),
    "objects of two types": (
        np.array([[1, "a"], [2, "b"]], dtype=object), {}, "table", (2, 2), None,
    ),
    "records of NumPy": (
        np.array([(1.0, "u"), (2.0, "v")], dtype=[("a", float), ("b", "U1")]),
        {"labels": "b"}, "table", (2, 1), ["u", "v"],
    ),
    "an array-like": (ArrayLike(), {}, "vector", (12, 3), None),
    "nothing is masked": (np.ma.masked_array(X), {}, "vector", (12, 3), None),
    "sparse": (SPARSE, {"labels": Y}, "vector", (12, 40), CLASSES),
    "a sparse matrix of old": (sparse.csc_matrix(SPARSE), {}, "vector", (12, 40), None),
    "a column of texts": (FRAME.text, {"labels": FRAME.label}, "text", 12, CLASSES),
    "a column of pandas' strings": (FRAME.text.astype("string"), {}, "text", 12, None),
    "an index": (pd.Index(TEXTS), {}, "text", 12, None),
    "a column of arrays": (pd.Series([*X]), {}, "vector", (12, 3), None),
    "a column of pictures": (pd.Series(PICTURES), {}, "image", (12, 8, 6, 1), None),
    "a table": (FRAME[["a", "b", "label"]], {"labels": "label"}, "table", (12, 2), CLASSES),
    "a table with pictures": (
        pd.DataFrame({"picture": PICTURES, "label": NAMES}), {"labels": "label"},
        "image", (12, 8, 6, 1), NAMES,
    ),
    "a stream of Arrow": (Streamed(ROWS[0] | {"a": [1.0], "b": ["u"]}), {}, "table", (1, 2), None),
    "a table of the interchange": (
        Interchanged(pa.table({"a": [1.0, 2.0], "b": ["u", "v"]})), {"labels": "b"},
        "table", (2, 1), ["u", "v"],
    ),
    "a column of Arrow": (pa.chunked_array([TEXTS]), {"labels": pa.array(Y)}, "text", 12, CLASSES),
    "dicts": (ROWS, {"labels": "b"}, "table", (12, 1), NAMES),
    "named tuples": ([Row(**row) for row in ROWS], {"labels": "b"}, "table", (12, 1), NAMES),
    "records": ([Record(**row) for row in ROWS], {"labels": "b"}, "table", (12, 1), NAMES),
    "dicts of tensors": (
        [{"x": torch.tensor(row), "y": torch.tensor(c)} for row, c in zip(X, Y, strict=True)],
        {"labels": "y"}, "vector", (12, 3), CLASSES,
    ),
    "a dict of columns": ({"a": X[:, 0], "b": NAMES}, {"labels": "b"}, "table", (12, 1), NAMES),
    "a dict of arrays": ({"x": X, "y": NAMES}, {"labels": "y"}, "vector", (12, 3), NAMES),
    "scikit-learn's bundle": (load_wine(), {}, "vector", (178, 13), [0] * 59 + [1] * 71 + [2] * 48),
    "its own labels give way": (
        load_wine(), {"labels": ["x"] * 178}, "vector", (178, 13), ["x"] * 178,
    ),
    "rows of a database": ([(1, "x", 2.0), (2, "y", None)], {}, "table", (2, 3), None),
    "arrays": ([*X], {}, "vector", (12, 3), None),
    "pictures": (PICTURES, {"labels": NAMES}, "image", (12, 8, 6, 1), NAMES),
    "arrays of several sizes": ([GREY[0], GREY[1, :5]], {}, "image", (2, 64, 64, 1), None),
    "pairs with labels": ([*zip(TEXTS, CLASSES, strict=True)], {}, "text", 12, CLASSES),
    "pairs of texts": ([*zip(TEXTS, NAMES, strict=True)], {}, "text", 12, NAMES),
    "pairs of arrays": ([*zip(X, Y, strict=True)], {}, "vector", (12, 3), CLASSES),
    "a view of values": (dict(enumerate(TEXTS)).values(), {}, "text", 12, None),
    "a deque": (collections.deque(TEXTS), {}, "text", 12, None),
    "a tensor with a gradient": (
        torch.tensor(X, requires_grad=True), {"labels": torch.tensor(Y)},
        "vector", (12, 3), CLASSES,
    ),
    "a parameter": (torch.nn.Parameter(torch.ones(4, 3)), {}, "vector", (4, 3), None),
    "bfloat16": (torch.tensor(X).bfloat16(), {}, "vector", (12, 3), None),
    "a transposed tensor": (torch.tensor(X.T).T, {}, "vector", (12, 3), None),
    "a sparse tensor": (torch.eye(4).to_sparse(), {}, "vector", (4, 4), None),
    "channels first": (torch.from_numpy(COLOUR), {}, "image", (12, 8, 6, 3), None),
    "channels last": (
        torch.from_numpy(COLOUR).to(memory_format=torch.channels_last), {},
        "image", (12, 8, 6, 3), None,
    ),
    "tensors": ([*torch.tensor(X, requires_grad=True)], {}, "vector", (12, 3), None),
    "a data set of torch": (Pictured(), {}, "image", (12, 8, 6, 3), CLASSES),
    "a part of it": (
        torch.utils.data.Subset(Pictured(), [3, 4, 6]), {}, "image", (3, 8, 6, 3), [1, 0, 0],
    ),
    "tensors in a data set": (
        torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)), {},
        "vector", (12, 3), CLASSES,
    ),
    "one tensor in a data set": (
        torch.utils.data.TensorDataset(torch.tensor(X)), {}, "vector", (12, 3), None,
    ),
    "described texts": (
        Described({"text": TEXTS, "label": CLASSES}, ["no", "yes"]), {},
        "text", 12, ["no", "yes"] * 6,
    ),
    "described pictures": (
        Described({"image": PICTURES, "label": CLASSES}, ["no", "yes"]), {},
        "image", (12, 8, 6, 1), ["no", "yes"] * 6,
    ),
    "described without a label": (
        Described({"text": ["a b", "c d", "e f"], "label": [0, -1, 1]}, ["no", "yes"]), {},
        "text", 3, ["no", None, "yes"],
    ),
    "labels with gaps": (
        X, {"labels": [None, *CLASSES[1:]]}, "vector", (12, 3), [None, *CLASSES[1:]],
    ),
    "masked labels": (
        X, {"labels": np.ma.masked_array(Y, Y == 0)}, "vector", (12, 3), [None, 1] * 6,
    ),
    "labels as a column": (X, {"labels": Y[:, None]}, "vector", (12, 3), CLASSES),
    "labels in a list of tensors": (X, {"labels": [*torch.tensor(Y)]}, "vector", (12, 3), CLASSES),
    "labels of another index": (
        FRAME[["a", "b"]], {"labels": FRAME.label.set_axis(range(100, 112))},
        "table", (12, 2), CLASSES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKS)
def test_plain_data_are_read(name):
    source, options, kind, shape, labels = WORKS[name]
    data = load(source, **options)
    assert data.kind.name == kind
    assert (
        getattr(data.items, "shape", len(data.items) if isinstance(data.items, list) else 0)
        == shape
    )
    assert (None if data.labels is None else data.labels.tolist()) == labels


REFUSED = {
    "a generator": (endless(), {}, "got one generator, which has no length.*islice"),
    "zip": (zip(TEXTS, Y, strict=True), {}, "got one zip.*make a list of it"),
    "a count": (itertools.count(), {}, "got one count, which has no length"),
    "an endless data set": (Endless(), {}, "got one Endless, which has no length"),
    "a data set without a length": (NoLength(), {}, "got one NoLength, which has no length"),
    "a data set that breaks": (TooShort(), {}, r"item 7 of 12 of the TooShort .*the disk is gone"),
    "a data set larger than memory": (TooLong(), {}, "takes about .* GiB of memory"),
    "batches": (torch.utils.data.DataLoader(Pictured()), {}, "DataLoader; give its .dataset"),
    "a stream of examples": (
        type("Stream", (), {"features": {}, "column_names": [], "__iter__": endless})(), {},
        "got one Stream, which has no length",
    ),
    "a lazy table": (Lazy(), {}, r"got one Lazy; give its \.collect\(\)"),
    "an interchange that breaks": (
        Interchanged(None, broken=True), {}, r"dataframe interchange \(no such thing\)",
    ),
    "parts": (
        {"train": Described({"label": [0]}), "test": Described({"label": [0]})}, {},
        r"a dict of the parts train, test.*test=parts\['test'\]",
    ),
    "a set": ({"a", "b"}, {}, "a set has no order.*give a list"),
    "items by name": ({"first": "a text", "second": "another"}, {}, "ids=list"),
    "a picture": (PICTURES[0], {}, "got one Image; put it into a list"),
    "no array": (np.array(3.0), {}, "got one ndarray"),
    "nothing": (None, {}, "got one NoneType"),
    "one number each": (X[:, 0], {}, r"expected several numbers an item.*reshape\(-1, 1\)"),
    "a column of numbers": (FRAME.a, {}, r"expected several numbers an item.*frame\[\["),
    "complex numbers": (X + 1j, {}, "got an array of complex128"),
    "bytes": ([b"near", b"far"], {}, r"got bytes: decode texts.*BytesIO"),
    "something is masked": (masked(), {}, "row 4, column 1 is nan"),
    "items and labels in one": ((X, Y), {}, r"load\(items, labels=labels\)"),
    "texts and labels in one": ((TEXTS, NAMES), {}, r"load\(items, labels=labels\)"),
    "pairs of sentences": ([*zip(TEXTS, TEXTS, strict=True)], {}, "texts that belong together"),
    "pairs with rows": (
        [*zip(X, [[1.0, 0.0]] * 12, strict=True)], {},
        "row 0 is a pair whose second part is of type list",
    ),
    "records and others": ([*ROWS, 5], {}, "row 12 is of type int, among records"),
    "tensors and others": ([torch.zeros(3), X[0]], {}, "row 1 is of type ndarray, among tensors"),
    "a tensor without values": (torch.empty(4, 3, device="meta"), {}, "has a shape and no values"),
    "a nested tensor": (nested(), {}, "a nested tensor has rows of several shapes"),
    "NaN in a sparse matrix": (sparse.csr_array([[0, np.nan]]), {}, "row 0, column 1 is nan"),
    "an infinity": (np.array([[1.0, np.inf], [0, 1]]), {}, "row 0, column 1 is inf"),
    "labels too short": (X, {"labels": Y[1:]}, "expected 12 labels, one for each item, got 11"),
    "labels one-hot": (X, {"labels": np.eye(2)[Y]}, r"shape \(12, 2\); .*labels.argmax\(axis=1\)"),
    "labels in rows": (X, {"labels": X}, "data come first, labels after them"),
    "labels that are a generator": (X, {"labels": iter(Y)}, "got one .*iterator"),
    "labels that are a dict": (X, {"labels": dict(enumerate(Y))}, "got one dict"),
    "labels that are one number": (X, {"labels": 3}, "got one int"),
    "labels of no such column": (FRAME, {"labels": "lable"}, "Did you mean 'label'"),
    "labels that have no name": (X, {"labels": "label"}, "has no named columns"),
    "labels in another order": (
        FRAME[["a", "b"]], {"labels": FRAME.label[::-1]}, "in another order.*to_numpy",
    ),
}  # fmt: skip


def refused(words, try_it):
    """Check that a try is refused in one sentence of these words."""
    with pytest.raises(NearspaceError) as error:
        try_it()
    text = str(error.value)
    assert re.search(words, text), text
    assert "\n" not in text
    assert text.endswith((".", "?"))


@pytest.mark.parametrize("name", REFUSED)
def test_other_things_are_refused_in_a_sentence(name):
    source, options, words = REFUSED[name]
    refused(words, lambda: load(source, **options))


def test_names_of_files_are_files(tmp_path, monkeypatch):
    paths = [tmp_path / f"{name}.png" for name in "abcd"]
    for path, picture in zip(paths, PICTURES, strict=False):
        picture.save(path)
    names = [*map(str, paths)]
    for source in (names, tuple(names), paths, np.array(names), pd.Series(names), pd.Series(paths)):
        data = load(source, labels=["u", "v", "u", "v"])
        np.testing.assert_array_equal(data.items[..., 0], GREY[:4])
        assert data.ids.tolist() == ["a.png", "b.png", "c.png", "d.png"]
        assert data.files[0] == paths[0]
    for pairs in ([*zip(names, "uvwx", strict=True)], [*zip(paths, "uvwx", strict=True)]):
        assert load(pairs).kind.shape == (8, 6, 1)
        assert load(pairs).labels.tolist() == [*"uvwx"]
    table = pd.DataFrame({"path": names, "label": ["u", "v", "u", "v"]})
    assert load(table, labels="label").items.shape == (4, 8, 6, 1)
    assert (
        load([{"path": name, "label": "u"} for name in names], labels="label").kind.name == "image"
    )
    monkeypatch.chdir(tmp_path)
    assert load(["a.png", "b.png", "a.png"]).ids.tolist() == [0, 1, 2]
    refused(r"1 of the 3 files is not there: 'e\.png'", lambda: load(["a.png", "e.png", "b.png"]))
    refused(r"1 of the 2 files is not there", lambda: load([paths[0], tmp_path / "e.png"]))
    refused("none of the 2 files is there.*kind='text'", lambda: load(["x.png", "y.png"]))
    assert load(["x.png", "y.png"], kind="text").items == ["x.png", "y.png"]
    refused("is a folder, in a list of files", lambda: load([str(tmp_path)]))
    (tmp_path / "word").write_text("a text")
    refused("'word' is no file of one item", lambda: load(["a.png", "word"]))
    assert load(["word", "and", "others"]).kind.name == "text"


def test_a_data_set_of_torch_is_never_asked_beyond_its_length():
    asked = []

    class Counted(Pictured):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    load(Counted())
    assert asked == [*range(12)]


def test_sparse_data_stay_sparse_and_are_compared():
    data = load(SPARSE, labels=Y)
    assert sparse.issparse(data.items)
    twice = load(sparse.vstack([SPARSE, SPARSE]))
    assert len({*twice.kind.same(twice.items).tolist()}) == len(np.unique(SPARSE.toarray(), axis=0))
    many = sparse.random_array((60, 40), density=0.2, format="csr", random_state=0)
    values, labels = many.copy(), np.arange(60) % 3
    board = compare(many, labels, encoders=["pca(dim=3)"])
    assert not board.failures
    assert (many != values).nnz == 0
    assert labels.tolist() == [0, 1, 2] * 20
    space = embed(many, "raw", labels=np.arange(60) % 3)
    assert sparse.issparse(space.vectors)
    np.testing.assert_allclose(space.vectors.toarray(), many.toarray(), rtol=1e-6)
    dense, thin = make("random(dim=4)").fit(many), make("random(dim=4)").fit(many.toarray())
    np.testing.assert_allclose(dense.transform(many), thin.transform(many.toarray()), rtol=1e-5)


def test_every_door_takes_plain_data_first():
    board = compare(FRAME.text, FRAME.label, encoders=["tfidf"])
    assert board.protocol["classes"] == 2
    space = embed(X, "pca(dim=2)", labels=Y)
    assert space.vectors.shape == (12, 2)
    assert space.labels.tolist() == CLASSES
    assert embed(torch.tensor(X, requires_grad=True), PCA(2)).vectors.shape == (12, 2)
    assert embed(space, "l2").labels.tolist() == CLASSES
    assert embed(X[:3], space.encoder).vectors.shape == (3, 2)
    refused(r"expected a numeric array of shape \(n, 3\)", lambda: embed(X[:, :2], space.encoder))
    many = RANDOM.normal(size=(80, 3))
    study = transfer(many, "pca(dim=2)", labels=np.arange(80) % 2, labelled=[20], seeds=1)
    assert {row.labels for row in study.rows} == {20}
    assert diff(many, many[:, :2], k=5).shared == 80
    refused("diff: expected a space, or vectors, got texts", lambda: diff(TEXTS, X))
    pca = make("pca(dim=2)").fit(torch.tensor(X, requires_grad=True))
    assert pca.transform(torch.tensor(X).bfloat16()).shape == (12, 2)


def test_search_and_map_take_vectors_as_they_are(tmp_path):
    space = embed(X, "raw")
    for data in (X, X.tolist(), torch.tensor(X), pd.DataFrame({"v": [*X]}), load(X)):
        nearest = neighbours(data, X[:2], k=3)
        assert nearest.ids.tolist() == neighbours(space, X[:2], k=3).ids.tolist()
        np.testing.assert_array_equal(layout(data).places, layout(space).places)
    assert neighbours(X, 4, k=1).ids.tolist() == [[4]]
    assert analogy(X, 0, 1, 2, k=2).ids.shape == (1, 2)
    assert write_map(X, tmp_path / "map.html").exists()
    for door in (layout, lambda data: neighbours(data, 0), lambda data: write_map(data, "m.html")):
        refused("expected a space, or vectors, got texts: make a space of", lambda d=door: d(TEXTS))
        refused("There is no file, folder or sample 'no.space'", lambda d=door: d("no.space"))


def test_a_wrong_order_of_arguments_is_told():
    refused("comes after the data; got ndarray", lambda: embed("pca", X))
    refused("comes after the data; got ndarray", lambda: transfer("pca", X))
    refused("comes after the data; got ndarray", lambda: compare_layers("mlp", X))
    order = r"write compare\(data, labels, encoders=\['pca'\]\)\.$"
    refused("takes 2 values without a name, got 3; " + order, lambda: compare(X, Y, ["pca"]))
    for given in (
        (["pca"], X), ("pca", X), ("pca:dim=2, raw",), ([PCA(2)], X), (X, ["pca"]), (X, "pca"),
        (FRAME, ["onehot", make("raw")]),
    ):  # fmt: skip
        words = "encoders stand where data or labels belong; " + order
        refused(words, functools.partial(compare, *given))
    refused("Did you mean 'encoders'", lambda: compare(X, Y, encoder="pca"))
    refused("no argument 'labls'. Did you mean 'labels'", lambda: load(X, labls=Y))
    refused(r"1 value without a name, got 2; write load\(data, labels=labels\)", lambda: load(X, Y))
    refused(r"missing .*'encoder'; write embed\(data, 'pca', labels=labels\)", lambda: embed(X))
    refused("takes 2 values without a name, got 3", lambda: embed(X, Y, "pca"))
    refused("takes 2 values without a name, got 3", lambda: transfer(X, Y, "pca"))
    refused("takes 2 values without a name, got 3", lambda: compare_layers(X, Y, "mlp"))
    refused("PCA is a class", lambda: embed(X, PCA))
    refused("no column 'clas'. Did you mean 'class'", lambda: compare(
        load(pd.DataFrame({"a": X[:, 0], "class": Y}), without=["class"]), "clas"
    ))  # fmt: skip


@pytest.fixture(scope="module")
def calls():
    """Return a right call of every public function: the function and its arguments."""
    space, notes = embed(X, "pca(dim=3)"), embed(["the zip", "a boat"], "tfidf")
    wide = embed(np.tile(X, (20, 1)), "raw")
    pairs = load_pairs((["a museum", "two dogs"], ["ein Museum", "zwei Hunde"]))
    readers = embed(load("readers"), "itemknn")
    return {
        "across": (nearspace.across, [embed(pairs, "shared(tfidf)"), "left"]),
        "align": (nearspace.align, [wide, embed(np.tile(X, (20, 1)), "pca(dim=2)")]),
        "explain": (explain, [notes, "zip", neighbours(notes, 0, k=1)]),
        "zero_shot": (nearspace.zero_shot, [load("digits"), "no encoder"]),
        "imagine": (nearspace.imagine, [embed(pairs, "shared(tfidf)"), ["two dogs"]]),
        "mine": (mine, [np.eye(3), np.eye(3)]),
        "keywords": (keywords, [["the zip"] * 9, [0, 1, 2] * 3]),
        "analogy": (analogy, [space, 0, 1, 2]),
        "attention_sinks": (nearspace.attention_sinks, [TEXTS, "no encoder"]),
        "compare": (functools.partial(compare, encoders=[]), [X, Y]),
        "compare_layers": (compare_layers, [X, "no encoder"]),
        "decode": (decode, [space, space.vectors]),
        "diff": (diff, [space, space]),
        "embed": (embed, [X, "raw"]),
        "interpolate": (interpolate, [X[0], X[1], 3]),
        "layout": (layout, [space]),
        "load": (load, [X]),
        "load_encoder": (load_encoder, ["no encoder"]),
        "load_graph": (nearspace.load_graph, [[("a", "b"), ("b", "c")], ["x", "y"]]),
        "load_interactions": (
            nearspace.load_interactions,
            [[(1, "x"), (1, "y")], ["x", "y"]],
        ),
        "load_pairs": (load_pairs, [pd.DataFrame({"a": ["x"], "b": ["y"]}), "a", "b"]),
        "load_retrieval": (load_retrieval, ["no folder", None, None]),
        "make": (make, ["raw"]),
        "neighbours": (neighbours, [space, 0]),
        "open_space": (open_space, ["no.space"]),
        "pack": (pack, [space, X]),
        "re_embed": (nearspace.re_embed, [embed(TEXTS, "raw"), "tfidf"]),
        "recommend": (nearspace.recommend, [readers, "003"]),
        "sample": (sample, [space, 3]),
        "save": (save, [space, "a.npz"]),
        "train_test_split": (train_test_split, [X]),
        "transfer": (transfer, [X, "no encoder"]),
        "unpack": (unpack, [space, b"no codes"]),
        "column_space": (nearspace.column_space, [FRAME, "no column"]),
        "word_space": (nearspace.word_space, [TEXTS, "skipgram(dim=2, epochs=1)"]),
        "write_map": (write_map, [space, "map.html"]),
        "write_report": (write_report, [None, "report.html"]),
    }


ANYTHING = {
    "an array": X, "a table": FRAME, "texts": TEXTS, "nothing": None, "a file": "no.space",
    "another file": "given.txt", "a folder": "folder", "no name": "", "a data set": load(X),
    "unfitted": make("pca(dim=2)"), "fitted": make("pca(dim=2)").fit(X),
    "a space without encoder": dataclasses.replace(embed(X, "raw"), made_by=None),
    "a class": Space, "a number": 1.5, "bytes": b"bytes", "a dict": {"a": 1}, "no items": [],
}  # fmt: skip
# What is right in that place, or may be: other data to compare, other names of files.
RIGHT = {
    "analogy": {0: "an array, a data set, a space without encoder"},
    "compare": {
        0: "an array, a table, texts, a data set, a space without encoder, another file",
        1: "nothing",
    },
    "compare_layers": {},
    "decode": {1: "an array, a space without encoder"},
    "diff": dict.fromkeys((0, 1), "an array, a data set, a space without encoder"),
    "embed": {
        0: "an array, a data set, a space without encoder, another file, a table, texts",
        1: "unfitted, fitted",
    },
    "explain": {1: "a file, another file, a folder, no name"},  # whatever is a text
    "layout": {0: "an array, a data set, a space without encoder"},
    "load": {0: "an array, a table, texts, a data set, a space without encoder, another file"},
    "load_graph": {1: "nothing"},
    "load_interactions": {1: "nothing"},
    "mine": {
        0: "an array, a space without encoder",
        1: "an array, a space without encoder",
    },
    "neighbours": {
        0: "an array, a data set, a space without encoder",
        1: "an array",
    },
    "pack": {1: "an array, a data set, a space without encoder"},
    "sample": {0: "an array, a data set, a space without encoder"},
    "save": {0: "an array, a data set, a space without encoder", 1: "a file"},
    "train_test_split": {
        0: "an array, a table, texts, a data set, a space without encoder, another file",
    },
    "word_space": {0: "texts, another file"},
    "write_map": {
        0: "an array, a data set, a space without encoder", 1: "a file, another file",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in nearspace.__all__ if name.islower()])
def test_anything_in_the_place_of_another_works_or_is_refused(name, calls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    function, arguments = calls[name]
    for place, what in itertools.product(range(min(2, len(arguments))), ANYTHING):
        (tmp_path / "given.txt").write_text("\n".join(TEXTS))
        (tmp_path / "no.space").unlink(missing_ok=True)
        given = [*arguments]
        given[place] = ANYTHING[what]
        if what in RIGHT.get(name, {}).get(place, "").split(", "):
            function(*given)
        else:
            refused(".", functools.partial(function, *given))


def test_settings_of_a_wrong_type_are_refused(tmp_path):
    space = embed(X, "raw")
    for wrong in ("3", None, 2.5, [2], 0):
        refused("expected k of at least 1, a whole", lambda k=wrong: neighbours(space, 0, k=k))
        refused("expected k of at least 1, a whole", lambda k=wrong: diff(X, X, k=k))
        refused("expected k of at least 1, a whole", lambda k=wrong: compare(X, Y, k=k))
        refused("expected seeds= of at least 1", lambda n=wrong: compare(X, Y, seeds=n))
        refused("expected n of at least 1, a whole", lambda n=wrong: sample(X, n))
    refused("test_size= must be between 0 and 1", lambda: compare(X, Y, test_size="a quarter"))
    refused("test_size has to lie in", lambda: train_test_split(X, Y))
    refused("minutes= must be a number above 0; got soon", lambda: compare(X, Y, minutes="soon"))
    refused("expected encoders, as in .*, got one int", lambda: compare(X, Y, encoders=3))
    refused("labelled, numbers of labels", lambda: transfer(X, "raw", labels=Y, labelled=50))
    refused("labelled, numbers of labels", lambda: transfer(X, "raw", labels=Y, labelled="50"))
    refused("expected labelled of at", lambda: transfer(X, "raw", labels=Y, labelled=["all"]))
    refused("expected a map, as layout", lambda: write_map(X, tmp_path / "map.html", layout=X))
    path = save(X, tmp_path / "a.space")
    refused("a.space is a space, whose encoder", lambda: load_encoder(path))
    refused(r"is a space, not items: open it by open_space\('a.space'\)", lambda: load(path))
    refused("missing a required argument: 'path'; write save", lambda: save(space))
    refused("Encoder.save: expected the path", lambda: make("raw").fit(X).save(None))
    with pytest.raises(ValueError, match="'net' parameter of Network must be an instance of"):
        embed(X, Network(X))
    alone = compare(X, Y, encoders=make("pca(dim=2)"))
    assert "pca(dim=2)" in {row.spec for row in alone.results}


def same(first, second):
    """Return whether a source is what it was, by all that it shows of itself."""
    if isinstance(first, pd.DataFrame | pd.Series):
        return first.equals(second) and first.index.equals(second.index)
    if sparse.issparse(first):
        return first.format == second.format and (first != second).nnz == 0
    if isinstance(first, torch.Tensor):
        return first.requires_grad == second.requires_grad and torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    return first == second


@pytest.mark.parametrize("source", [
    X.copy(), X.astype(object), FRAME[["a", "b"]].copy(), SPARSE.copy(),
    sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [0, 0, 1])), shape=(12, 2)),
    sparse.csr_array((np.ones(14), np.r_[1, 0, np.zeros(12, int)], np.r_[0, 2:14]), shape=(12, 3)),
    torch.tensor(X, requires_grad=True), [*map(dict, ROWS)], {"a": [*X[:, 0]], "b": [*NAMES]},
    X.astype(np.float32), np.asfortranarray(X),
])  # fmt: skip
def test_what_is_given_stays_as_it_is(source):
    before = copy.deepcopy(source)
    labels = np.where(Y, "u", "v").astype(object)
    data = load(source, labels=labels)
    embed(data, "l2" if data.kind.name == "vector" else "onehot")
    embed(source, "raw")
    assert same(source, before)
    assert labels.tolist() == ["v", "u"] * 6
