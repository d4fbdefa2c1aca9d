"""Tables without learning: every way of ours, beside skrub's TableVectorizer, judged in one run.

Run: NEARSPACE_DATA=… python benchmarks/table_encoders.py [adult] [penguins] [customers]

Needs skrub (pip install 'skrub>=0.11'), whose TableVectorizer is a row as any transformer of
scikit-learn is; it leaves cells missing and numbers as they are, so that an imputer that marks what
was missing and a scaler stand behind it. Printed are what the comparison ranks by, the linear
probe, the length of a vector, seconds of fitting and the verdict.
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


def main():
    peer = make_pipeline(TableVectorizer(), SimpleImputer(add_indicator=True), StandardScaler())
    for name in sys.argv[1:] or SOURCES:
        source, labels = SOURCES[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            board = compare(load(source, labels=labels), encoders=[*OURS, peer])
        frame = board.to_frame()
        frame["spec"] = frame["spec"].str.slice(0, 40)
        shown = [column for column in SHOWN if column in frame]
        print(f"\n{name}\n{frame[shown].round(4).to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main()
