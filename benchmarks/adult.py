"""Adult: learned spaces of rows beside one-hot ones, and rows that come back, in one run.

Run: NEARSPACE_DATA=… python benchmarks/adult.py [spaces] [rows] [hidden]

An eighty-twenty split, drawn from the seed 0. `spaces`: of each encoder the accuracy of the 5
nearest neighbours, and AUC and balanced accuracy of a logistic regression on its vectors, scaled;
intervals are the 2.5th and 97.5th of 100 quantiles over 1,000 bootstrap samples of the test rows,
the same for all, and so are those of the differences to `onehot`. Where skrub is installed, its
TableVectorizer is a row. Wanted: entity above onehot by neighbours, its interval above 0, and an
AUC of at least .905 for the best learned space.

`rows`: of 16 numbers a row, what a decoder gives back of test rows: the share of categories that
are right, mean over columns, and R² of numbers, mean over columns; of `entity` by its decoder, of
PCA of the one-hot vectors by the largest of the columns of a category. `hidden`: the same of cells
that are hidden from both, 15 % of those of test rows; PCA then fills them in again and again, as
often as helps it most.
"""

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import rankdata
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nearspace import load, make
from nearspace.metrics.labels import knn_scores

ADULT = Path(os.environ["NEARSPACE_DATA"]) / "tables" / "adult.data.gz"
SAMPLES, DIM, HIDDEN = 1000, 16, 0.15
SPECS = [
    "onehot", "onehot(numbers='quantile')", "raw", "entity", "entity@entities",
    "entity(numbers='periodic')", "entity(objective='masked')", "entity(objective='denoising')",
    "entity(objective='contrastive')",
]  # fmt: skip


def vectorizer():
    try:
        from skrub import TableVectorizer
    except ImportError:
        return {}
    return {
        "TableVectorizer": make_pipeline(
            TableVectorizer(), SimpleImputer(add_indicator=True), StandardScaler()
        )
    }


def sides():
    adult = load(str(ADULT), labels="column 14")
    order = np.random.default_rng(0).permutation(len(adult))
    cut = int(0.8 * len(adult))
    return adult.take(np.sort(order[:cut])), adult.take(np.sort(order[cut:]))


def auc(scores, positive):
    ranks, n = rankdata(scores), positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


def balanced(right, positive):
    return (right[positive].mean() + right[~positive].mean()) / 2


def told(values):
    low, high = np.quantile(values, [0.025, 0.975])
    return f"[{low:.4f}, {high:.4f}]"


def spaces(train, test):
    positive = test.target.values == ">50K"
    samples = np.random.default_rng(0).integers(0, len(test), (SAMPLES, len(test)))
    first = None
    for name, encoder in ({spec: make(spec) for spec in SPECS} | vectorizer()).items():
        start = time.perf_counter()
        if hasattr(encoder, "fit_on"):
            encoder.fit_on(train)
        else:
            encoder.fit(train.items)
        seconds = time.perf_counter() - start
        known, asked = (np.asarray(encoder.transform(side.items)) for side in (train, test))
        near = knn_scores(
            known, train.target.values, asked, test.target.values, 5,
            getattr(encoder, "metric", "euclidean"),
        )  # fmt: skip
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        probe.fit(known, train.target.values)
        scores = probe.decision_function(asked)
        right = (scores > 0) == positive
        measured = {
            "5-NN": np.array([near[rows].mean() for rows in samples]),
            "AUC": np.array([auc(scores[rows], positive[rows]) for rows in samples]),
            "balanced": np.array([balanced(right[rows], positive[rows]) for rows in samples]),
        }
        whole = near.mean(), auc(scores, positive), balanced(right, positive)
        first = first or measured
        print(f"{name}: {known.shape[1]} dimensions, fitted in {seconds:.1f} s")
        for (score, values), value in zip(measured.items(), whole, strict=True):
            print(
                f"    {score:9} {value:.4f} {told(values)}   less onehot "
                f"{told(values - first[score])}",
                flush=True,
            )


def given_back(name, rows, test, seconds, hidden):
    """Print which share of hidden cells is right, and how much of hidden numbers is explained."""
    samples = np.random.default_rng(0).integers(0, len(test), (SAMPLES, len(test)))
    categories, numbers = test.kind.of("category"), test.kind.of("number")
    of_categories, of_numbers = (hidden[some].to_numpy() for some in (categories, numbers))
    right = (rows[categories] == test.items[categories]).to_numpy() & of_categories
    truth = test.items[numbers].to_numpy()
    errors = np.square(rows[numbers].fillna(0).to_numpy() - truth) * of_numbers
    means = (truth * of_numbers).sum(axis=0) / of_numbers.sum(axis=0)
    spread = np.square(truth - means) * of_numbers

    def accuracy(at):
        return (right[at].sum(axis=0) / of_categories[at].sum(axis=0)).mean()

    def explained(at):
        return (1 - errors[at].sum(axis=0) / spread[at].sum(axis=0)).mean()

    accuracies = np.array([accuracy(at) for at in samples])
    determined = np.array([explained(at) for at in samples])
    print(
        f"{name} ({seconds:.0f} s): categories right {accuracy(slice(None)):.4f} "
        f"{told(accuracies)}, R² of numbers {explained(slice(None)):.4f} {told(determined)}",
        flush=True,
    )
    return accuracies, determined


def by_pca(train, test, hidden, rounds):
    """Return rows that PCA of one-hot vectors gives back; it fills in hidden cells so often."""
    onehot = make("onehot(max_categories=100)").fit_on(train)
    names = np.array(onehot.get_feature_names_out()).astype(str)
    owner = np.array([name.partition("=")[0] for name in names])
    asked = onehot.transform(test.items.mask(hidden)).astype(np.float64)
    unknown = hidden[owner].to_numpy()
    pca = PCA(DIM, random_state=0).fit(onehot.transform(train.items))
    for _ in range(rounds):
        back = pca.inverse_transform(pca.transform(asked))
        asked[unknown] = back[unknown]
    rows = test.items.copy()
    for name, of in test.kind.columns:
        own = np.flatnonzero(owner == name)
        if of == "number":
            mean, scale = train.items[name].mean(), train.items[name].std(ddof=0)
            rows[name] = back[:, own[0]] * scale + mean
        else:
            values = np.array([each.partition("=")[2] for each in names[own]], dtype=object)
            rows[name] = values[back[:, own].argmax(axis=1)]
    return rows


def compared(train, test, hidden, shown, rounds):
    """Print what is given back of rows whose cells are hidden, and counted, as told."""
    start = time.perf_counter()
    encoder = make(f"entity(objective='denoising', dim={DIM})").fit_on(train)
    decoded = encoder.decoder.decode(encoder.transform(test.items.mask(hidden)))
    ours = given_back("entity", decoded, test, time.perf_counter() - start, shown)
    for often in rounds:
        start = time.perf_counter()
        back = by_pca(train, test, hidden, often)
        name = f"pca of onehot, {often} rounds" if often > 1 else "pca of onehot"
        peer = given_back(name, back, test, time.perf_counter() - start, shown)
        for what, own, other in zip(("categories", "R²"), ours, peer, strict=True):
            print(f"    entity less that, {what}: {told(own - other)}")


def rows(train, test):
    nothing = np.zeros(test.items.shape, dtype=bool)
    cells = test.items.notna() & nothing
    compared(train, test, cells, ~cells, [1])


def hidden(train, test):
    drawn = np.random.default_rng(1).random(test.items.shape) < HIDDEN
    cells = test.items.notna() & drawn
    compared(train, test, cells, cells, [1, 10, 100])


def main():
    warnings.simplefilter("ignore")
    train, test = sides()
    parts = {"spaces": spaces, "rows": rows, "hidden": hidden}
    for name in sys.argv[1:] or parts:
        parts[name](train, test)


if __name__ == "__main__":
    main()
