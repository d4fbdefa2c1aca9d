"""A column of 100,000 values in 1,000,000 rows, learnt without one-hot vectors.

Run: python benchmarks/categories.py [epochs]

Rows of one column of so many values, the commonest in some thousand rows and the rarest in a few,
and three of numbers; the label comes of an effect of the value, of a number, and of chance. Printed
are rows a second of fitting, all in all and of its epochs alone, those of embedding, the peak of
memory, and how well the vectors tell the label of 20,000 rows that were held back, beside what
those do that know the effects. Wanted: below 2 GiB.
"""

import resource
import sys
import time

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from nearspace import make

ROWS, VALUES, HELD_BACK, PROBED = 1_000_000, 100_000, 20_000, 100_000


def table():
    rng = np.random.default_rng(0)
    codes = (VALUES * rng.random(ROWS) ** 2).astype(int)
    effects, numbers = rng.normal(size=VALUES), rng.normal(size=(ROWS, 3))
    knows = effects[codes] + numbers[:, 0]
    names = np.array([f"value {at}" for at in range(VALUES)], dtype=object)
    frame = pd.DataFrame({"value": names[codes], "a": numbers[:, 0], "b": numbers[:, 1]})
    frame["c"] = numbers[:, 2]
    return frame, np.where(knows + rng.normal(size=ROWS) > 0, "yes", "no"), knows


def main():
    frame, labels, knows = table()
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else None
    encoder, fitted = make("entity").set_params(epochs=epochs), slice(HELD_BACK, None)
    start = time.perf_counter()
    encoder.fit(frame[fitted], labels[fitted])
    seconds = time.perf_counter() - start
    history = encoder.history_
    done = len(history["train_loss"]) * (ROWS - HELD_BACK)
    start = time.perf_counter()
    vectors = encoder.transform(frame[: HELD_BACK + PROBED])
    embedded = len(vectors) / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    probe = LogisticRegression(max_iter=1000).fit(vectors[fitted], labels[fitted][:PROBED])
    held = slice(HELD_BACK)
    auc = roc_auc_score(labels[held], probe.decision_function(vectors[held]))
    best = roc_auc_score(labels[held], knows[held])
    print(
        f"{len(history['train_loss'])} epochs in {seconds:.1f} s: {done / seconds:,.0f} rows/s, "
        f"{0.9 * done / history['seconds']:,.0f} of the epochs alone; embeds {embedded:,.0f} rows/s"
    )
    print(f"peak {peak:.2f} GiB; AUC {auc:.4f}, of the effects themselves {best:.4f}")


if __name__ == "__main__":
    main()
