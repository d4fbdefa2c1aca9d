"""`zero_shot`: classes told by their names alone, beside what labels teach of the same vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import normalize

from nearspace.data import Classes
from nearspace.data.kinds.kind import described
from nearspace.data.kinds.text import Text
from nearspace.data.load import dataset_of
from nearspace.data.sided import SIDES
from nearspace.data.sources import left_out
from nearspace.data.split import train_test_split
from nearspace.encoders.heads import linear_head
from nearspace.encoders.spec import make
from nearspace.errors import DataError
from nearspace.judge.statistics import interval

if TYPE_CHECKING:
    from nearspace.data.dataset import Dataset
    from nearspace.data.kinds.kind import Kind
    from nearspace.encoders.base import Encoder

__all__ = ["Accuracy", "ZeroShot", "item_side", "zero_shot"]

PROMPT = "{}"


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """The share of test items whose class was told, with its 95 % interval.

    Attributes
    ----------
    name : str
        How it was told.
    accuracy, low, high : float
        From 0 to 1; of a difference from -1.
    """

    name: str
    accuracy: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, eq=False)
class ZeroShot:
    """How well classes are told by their names, and by labels.

    Attributes
    ----------
    names : str
        What the data are called.
    spec : str
        Of the encoder.
    prompts : tuple of str
        What the names were put into.
    rows : tuple of Accuracy
        By names, by a linear model on labels, and the most frequent class of the labelled items.
    difference : Accuracy
        By names less by labels, paired by item.
    by_class : dict of str to (float, float, int)
        Of each class the share of its test items that is told by names, by labels, and how many
        these are.
    n_labelled, n_test : int
        How many items the linear model has learnt from, and of how many all of them tell.
    notes : tuple of str
        What there is to say of the data and of the encoder.
    """

    names: str
    spec: str
    prompts: tuple[str, ...]
    rows: tuple[Accuracy, ...]
    difference: Accuracy
    by_class: dict[str, tuple[float, float, int]]
    n_labelled: int
    n_test: int
    notes: tuple[str, ...]


def zero_shot(
    data: Any,
    encoder: Encoder | str,
    labels: Any = None,
    *,
    prompts: str | Sequence[str] = PROMPT,
    test_size: float = 0.25,
    near_duplicates: str = "tell",
    random_state: int = 0,
) -> ZeroShot:
    """Tell classes by their names, and measure that beside a linear model on labels.

    The name of each class is put into every prompt; the mean of their vectors, each of length 1,
    stands for the class, and an item is of the class whose vector is nearest to its own by the
    cosine (Radford et al., 2021). No label is used. On the same test items a linear model tells the
    classes, which has learnt from the labels of all others and from the same vectors.

    Parameters
    ----------
    data : Dataset, or what `load` reads
        Items with classes, such as the pictures of a folder with one folder a class. In names
        underscores count as blanks.
    encoder : Encoder or str
        A fitted encoder of pairs of items and texts, as of a space that ``nearspace pair`` made; or
        one that puts both into one space without being fitted on them, such as
        ``pretrained("a CLIP")``.
    labels : str or sequence, optional
        See `load`.
    prompts : str or sequence of str, default="{}"
        Texts in which ``{}`` stands for the name.
    test_size : float, default=0.25
        The share of items that test, where no split is published.
    near_duplicates : {"tell", "together"}
        See `train_test_split`.
    random_state : int, default=0
        Of the split, and of the linear model.

    Returns
    -------
    ZeroShot

    Raises
    ------
    DataError
        If items have no classes, a prompt no place for a name, or the encoder no side for the
        items or for texts.

    References
    ----------
    .. [1] A. Radford et al., "Learning transferable visual models from natural language
       supervision", 2021.

    Examples
    --------
    >>> from nearspace import Pairs, load, make
    >>> digits = load("digits").take(np.arange(400))
    >>> names = load([f"the digit {n}" for n in range(10)])
    >>> links = np.stack([np.arange(400), digits.labels.astype(int)], axis=1)
    >>> taught = make("linear_pair(raw, right=tfidf(analyzer='char') | svd(dim=9))")
    >>> taught = taught.fit_on(Pairs(digits, names, links))
    >>> study = zero_shot(load("digits").take(np.arange(400, 800)), taught, prompts="the digit {}")
    >>> [row.name for row in study.rows], study.rows[0].accuracy > 0.7
    (['by names', 'by labels', 'the most frequent class'], True)
    """
    asked = (prompts,) if isinstance(prompts, str) else tuple(prompts)
    for prompt in asked or ("",):
        if "{}" not in prompt:
            raise DataError(
                f"zero_shot: expected prompts with {{}} for the name of a class, as 'a photo of a "
                f"{{}}', got '{prompt:.60}'."
            )
    dataset = dataset_of(data, labels)
    if dataset.target is None or dataset.target.name != "classes":
        got = "none" if dataset.target is None else dataset.target.name
        raise DataError(f"zero_shot: expected items with classes, got {got}; give labels=.")
    notes, n_all = [], len(dataset)
    dataset = dataset.labelled_only()
    if bare := n_all - len(dataset):
        notes.append(left_out(bare, "item", "without a label"))
    assert dataset.target is not None
    train, test, of_split = train_test_split(dataset, test_size, random_state, near_duplicates)
    classes = [str(name) for name in np.unique(dataset.target.values)]
    if len(classes) < 2:
        raise DataError(f"zero_shot: expected two classes or more, got {len(classes)}.")
    texts = [[prompt.replace("{}", name.replace("_", " ")) for name in classes] for prompt in asked]
    own, words = _sides(encoder, dataset, [text for some in texts for text in some])
    vectors = own.transform(dataset.items)
    means = np.mean([_unit(words.transform(some)) for some in texts], axis=0)
    by_names = np.array(classes)[(normalize(vectors[test]) @ _unit(means).T).argmax(axis=1)]
    target = Classes(dataset.target.values[train])
    head = linear_head(vectors[train], target, random_state)
    by_labels = head.predict(vectors[test]).astype(str)
    values, counts = np.unique(target.values, return_counts=True)
    right = dataset.target.values[test].astype(str)
    told = np.stack([by_names == right, by_labels == right, str(values[counts.argmax()]) == right])
    groups = None if dataset.groups is None else dataset.groups[test]
    lows, highs = interval(told[:, None].astype(float), groups)
    gaps = told[:1].astype(float) - told[1:2]
    low, high = interval(gaps[:, None], groups, differences=True)
    names = "by names", "by labels", "the most frequent class"
    rows = tuple(
        Accuracy(name, float(own_told.mean()), float(start), float(end))
        for name, own_told, start, end in zip(names, told, lows, highs, strict=True)
    )
    by_class = {
        name: (float(told[0, mine].mean()), float(told[1, mine].mean()), int(mine.sum()))
        for name in classes
        if (mine := right == name).any()
    }
    spec = encoder if isinstance(encoder, str) else encoder.spec
    return ZeroShot(
        dataset.name,
        spec,
        asked,
        rows,
        Accuracy("by names less by labels", float(gaps.mean()), float(low[0]), float(high[0])),
        by_class,
        len(train),
        len(test),
        (*notes, *of_split, *own.notes),
    )


def item_side(encoder: Encoder, kind: type[Kind] | None = None) -> str:
    """Return on which side of a fitted encoder of pairs the items stand that texts are said of.

    Where texts are on both sides, these are those on the left.

    Raises
    ------
    DataError
        If no side is of texts.
    """
    kinds = [type(encoder.side(name).kind_) for name in SIDES]
    if kinds[1] is Text and kind in (None, kinds[0]):
        return SIDES[0]
    if kinds[0] is Text and kind in (None, kinds[1]):
        return SIDES[1]
    sides = f"{kinds[0].plural} and {kinds[1].plural}"
    wanted = "texts on one side" if kind is None else f"{kind.plural} and texts"
    raise DataError(f"zero_shot: expected an encoder of {wanted}, got one of {sides}.")


def _sides(encoder: Encoder | str, dataset: Dataset, texts: list[str]) -> tuple[Encoder, Encoder]:
    """Return the fitted encoders of items and of texts, with vectors of one space."""
    made: Any = make(encoder) if isinstance(encoder, str) else encoder
    if not hasattr(made, "learns"):
        raise DataError(f"zero_shot: expected an encoder or its spec, got {described(encoder)}.")
    if made.learns == "pairs":
        if not hasattr(made, "side"):
            raise DataError(f"zero_shot: '{made.spec}' has no two sides.")
        side = item_side(made, type(dataset.kind))
        other = SIDES[1 - SIDES.index(side)]
        return made.side(side), made.side(other)
    if made.learns != "nothing":
        raise DataError(
            f"zero_shot: '{made.spec}' puts items and texts into no one space; expected a fitted "
            "encoder of pairs, or a model that was trained on both, such as pretrained(a CLIP)."
        )
    own = clone(made).fit_items(dataset.items, None, dataset.kind)
    words = clone(made).fit(texts)
    if type(dataset.kind) is not Text and not (own.spans_kinds and words.spans_kinds):
        raise DataError(
            f"zero_shot: '{made.spec}' puts {dataset.kind} and texts into no one space; expected "
            "a fitted encoder of pairs, or a model that was trained on both."
        )
    return own, words


def _unit(vectors: Any) -> np.ndarray:
    """Return vectors of length 1, dense."""
    rows = normalize(vectors)
    return rows.toarray() if sparse.issparse(rows) else rows
