"""Tables without learning: every way of ours, beside skrub's TableVectorizer, judged in one run.

Run: NEARSPACE_DATA=… python benchmarks/table_encoders.py [adult] [penguins] [customers]

Needs skrub (pip install 'skrub>=0.11'), whose TableVectorizer is a row as any transformer of
scikit-learn is. It leaves cells missing and numbers as they are, so that an imputer stands behind
it, and scaled are its numbers alone, as ours are, or all that it makes. Printed are the balanced
accuracy of five neighbours, accuracy, the linear probe, the length of a vector, seconds of fitting
and the verdict.
"""

import os
import sys
import warnings
from pathlib import Path

from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skrub import TableVectorizer

from nearspace import compare, load
from nearspace.encoders.borrowed.elsewhere import as_encoder

TABLES = Path(os.environ["NEARSPACE_DATA"]) / "tables"
SOURCES = {
    "adult": (str(TABLES / "adult.data.gz"), "column 14"),
    "penguins": (str(TABLES / "penguins.csv"), "species"),
    "customers": ("customers", None),
}
OURS = [
    "onehot", "onehot(numbers='quantile')", "onehot(numbers='piecewise')", "ordinal", "frequency",
    "hashed", "hashed(n_features=64)",
]  # fmt: skip
SHOWN = ["spec", "dim", "knn_balanced", "knn", "probe", "fit_seconds", "verdict"]


PEERS = {
    "TableVectorizer, numbers scaled": make_pipeline(
        TableVectorizer(numeric=StandardScaler()), SimpleImputer(add_indicator=True)
    ),
    "TableVectorizer, all scaled": make_pipeline(
        TableVectorizer(), SimpleImputer(add_indicator=True), StandardScaler()
    ),
}


def main():
    named = {as_encoder(peer).spec: name for name, peer in PEERS.items()}
    for name in sys.argv[1:] or SOURCES:
        source, labels = SOURCES[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            board = compare(load(source, labels=labels), encoders=[*OURS, *PEERS.values()])
        frame = board.to_frame()
        frame["spec"] = frame["spec"].replace(named)
        shown = [column for column in SHOWN if column in frame]
        print(f"\n{name}\n{frame[shown].round(4).to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main()
