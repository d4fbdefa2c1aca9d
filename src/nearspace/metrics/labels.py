"""How well vectors tell labels: k-NN vote, linear probe, clusters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.target import Target, target_of
from nearspace.errors import DataError
from nearspace.metrics.directions import unit_vectors
from nearspace.metrics.exact import in_range
from nearspace.metrics.retrieval import nearest, subsample

if TYPE_CHECKING:
    from nearspace.metrics.retrieval import VectorArray

__all__ = ["cluster_ami", "knn_scores", "knn_votes", "probe", "probe_scores", "votes_of"]

MANY_CLASSES = "The number of unique classes"  # what scikit-learn warns of; a task notes it


def knn_votes(
    train: VectorArray, target: Target, test: VectorArray, k: int = 5, metric: str = "euclidean"
) -> np.ndarray:
    """Return what the ``k`` nearest training items tell of each test item, see `votes_of`.

    Raises
    ------
    DataError
        If there are fewer than ``k`` training items.
    """
    if k > train.shape[0]:
        raise DataError(
            f"k-NN with k = {k} needs at least {k} training items, and there are "
            f"{train.shape[0]}: ask for a smaller k or bring more items."
        )
    return votes_of(nearest(test, train, k, metric)[0], target)


def votes_of(nearby: np.ndarray, target: Target) -> np.ndarray:
    """Return what neighbours tell of each item, shape ``(n,)``.

    Parameters
    ----------
    nearby : ndarray of shape (n, k)
        Positions of the neighbours, as `nearest` returns them: -1 for an item without direction,
        of which the commonest class, or the mean number, is guessed.
    target : Target
        What there is to tell of the neighbours.

    Examples
    --------
    >>> target = target_of(["a", "b", "b"])
    >>> votes_of(np.array([[0], [-1]]), target).tolist()
    ['a', 'b']
    """
    if not nearby.shape[1]:
        return np.full(len(nearby), target.guess())
    votes = target.vote(target.values[nearby.clip(0)])
    return np.where(nearby[:, 0] >= 0, votes, target.guess())


def knn_scores(
    train: VectorArray,
    train_labels: Any,
    test: VectorArray,
    test_labels: np.ndarray,
    k: int = 5,
    metric: str = "euclidean",
) -> np.ndarray:
    """Return the score of each test item's `knn_votes`, see `Target.score`.

    Examples
    --------
    >>> import numpy as np
    >>> train, labels = np.array([[0.0], [1.0], [9.0]]), np.array(["low", "low", "high"])
    >>> knn_scores(train, labels, np.array([[0.2], [8.0]]), np.array(["low", "high"]), k=1)
    array([1., 1.])
    """
    target = target_of(train_labels)
    return target.score(test_labels, knn_votes(train, target, test, k, metric))


# So few items, and so few a dimension, of which the penalty of a linear model is chosen.
FEW_ITEMS, FEW_EACH = 500, 4
MOST_FOLDS = 5
PENALTIES = [0.1, 1.0, 10.0, 100.0, 1000.0]  # inverse, as scikit-learn has them
MOST_STEPS = 200  # of fitting a linear model of few items
Form = Callable[["VectorArray", "VectorArray"], tuple[np.ndarray, np.ndarray]]
FLOOR = 1e-9  # of the largest of what varies: what is less is rounding


def probe_scores(
    train: VectorArray, train_labels: Any, test: VectorArray, test_labels: np.ndarray
) -> np.ndarray:
    """Return the score of each test item's `probe`, see `Target.score`.

    Parameters
    ----------
    train, test : ndarray or csr_array of shape (n, d)
        Vectors.
    train_labels, test_labels : Target or ndarray, and ndarray, of shape (n,)
        Their labels.
    """
    target = target_of(train_labels)
    return target.score(test_labels, probe(train, target, test)[0])


def probe(
    train: VectorArray, target: Target, test: VectorArray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what a linear model of the training vectors tells of each test item.

    Classes are told by scikit-learn's logistic regression with its default penalty, numbers by
    ridge regression whose penalty is chosen by leaving out one item after the other (of sparse
    vectors, where that takes too long, by one with the default penalty). Vectors are standardised
    (sparse ones only scaled, so that they stay sparse).

    Of fewer than 500 items, and fewer than four a dimension, too little tells how much a column
    varies: five folds of the training items choose whether columns are standardised or all divided
    by one number, and which of five penalties logistic regression has.

    Parameters
    ----------
    train, test : ndarray or csr_array of shape (n, d)
        Vectors.
    target : Target
        What there is to tell of the training items.

    Returns
    -------
    told : ndarray of shape (n,)
        The class or the number of each test item.
    margin : ndarray of shape (n,) or None
        Of two classes, how far it is on the side of the second; None otherwise.
    """
    from sklearn.exceptions import ConvergenceWarning

    if not target.varies:
        return np.full(test.shape[0], target.guess()), None
    few = target.name == "classes" and train.shape[0] < min(FEW_ITEMS, FEW_EACH * train.shape[1])
    model = target.linear(None if isinstance(train, np.ndarray) else 1.0)
    train, factor = in_range(train)
    test = test if factor == 1 else test.astype(np.float64) * factor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", MANY_CLASSES)
        if few:
            form, penalty = _best_of_few(train, target)
            model.set_params(C=penalty, max_iter=MOST_STEPS)
            train, test = form(train, test)
        else:
            train, test = _standardised(train, test)
        model.fit(train, target.values)
    two = target.name == "classes" and target.width == 2
    return model.predict(test), model.decision_function(test) if two else None


def _standardised(train: VectorArray, test: VectorArray) -> tuple[VectorArray, VectorArray]:
    """Return vectors each column of which has mean 0 and variance 1; sparse ones only scaled."""
    from sklearn.preprocessing import MaxAbsScaler, StandardScaler

    scaler = (StandardScaler() if isinstance(train, np.ndarray) else MaxAbsScaler()).fit(train)
    one, other = (scaler.transform(x).astype(np.float32, copy=False) for x in (train, test))
    return one, other


def _best_of_few(train: VectorArray, target: Target) -> tuple[Form, float]:
    """Return in which form vectors of few items, and with which penalty, tell most of each other.

    Columns are standardised by the items that are learnt from, in every fold anew: one that is
    nearly constant among them makes others large.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    def standardised(train: VectorArray, test: VectorArray) -> tuple[np.ndarray, np.ndarray]:
        return _by_products(*_standardised(train, test))

    forms: list[Form] = [standardised, _by_products]
    y = target.values
    n_folds = min(MOST_FOLDS, int(np.unique(y, return_counts=True)[1].min()))
    if n_folds < 2:
        return standardised, 1.0
    right = np.zeros((len(forms), len(PENALTIES)))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    for learn, ask in folds.split(np.zeros(len(y)), y):
        for which, form in enumerate(forms):
            one, other = form(train[learn], train[ask])
            for at, penalty in enumerate(PENALTIES):
                model = LogisticRegression(C=penalty, max_iter=MOST_STEPS).fit(one, y[learn])
                right[which, at] += (model.predict(other) == y[ask]).sum()
    best = divmod(int(right.argmax()), len(PENALTIES))
    return forms[best[0]], PENALTIES[best[1]]


def _by_products(train: VectorArray, test: VectorArray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors turned and divided by one number, so that there are no more than train ones.

    A model with a penalty on its squares is a sum of training rows: what these say of each other,
    and of test rows, is all that it needs.
    """
    products, values = (_dense(rows @ train.T).astype(np.float64) for rows in (train, test))
    size = np.trace(products) / len(products) or 1.0
    scale, axes = np.linalg.eigh(products / size)
    there = scale > FLOOR * scale[-1]
    there[-1] = True  # rows that are all zero have a number too
    axes = axes[:, there] / np.sqrt(np.maximum(scale[there], FLOOR))
    return products / size @ axes, values / size @ axes


def _dense(rows: Any) -> np.ndarray:
    return rows if isinstance(rows, np.ndarray) else rows.toarray()


def cluster_ami(
    vectors: VectorArray,
    labels: np.ndarray,
    random_state: int = 0,
    max_items: int = 5000,
    metric: str = "euclidean",
) -> float:
    """Return the adjusted mutual information of labels and k-means clusters, as many as classes.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The items.
    labels : ndarray of shape (n,)
        Their labels.
    random_state : int
        Seed of k-means and of the draw of items.
    max_items : int
        At most so many items take part, drawn at random.
    metric : {"euclidean", "cosine", "dot"}
        By the cosine k-means sees vectors of length 1 (spherical k-means).
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_mutual_info_score

    chosen = subsample(vectors.shape[0], max_items, random_state)
    vectors, labels = vectors[chosen], labels[chosen]
    vectors = unit_vectors(vectors) if metric == "cosine" else in_range(vectors)[0]
    if not isinstance(vectors, np.ndarray):  # scikit-learn's k-means takes no 64-bit indices
        vectors.indices, vectors.indptr = np.int32(vectors.indices), np.int32(vectors.indptr)
    classes = len(np.unique(labels))
    with warnings.catch_warnings():
        # Said when there are fewer different items than clusters, which the score tells by itself.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", MANY_CLASSES)
        clusters = KMeans(classes, n_init=4, random_state=random_state).fit_predict(vectors)
        return float(adjusted_mutual_info_score(labels, clusters))
