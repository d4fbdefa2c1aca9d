"""Hold a scikit-learn transformer, and vectors made elsewhere, against what nearspace brings."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from nearspace import compare, load

sentences = load("sentences")
letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))

# Any file with a row an item will do; these are random numbers and should come out at chance.
np.save("elsewhere.npy", np.random.default_rng(0).normal(size=(len(sentences), 16)))

board = compare(
    sentences, encoders=[letters, "tfidf | pca(dim=32)", "vectors(path='elsewhere.npy')"]
)
for row in board.results:
    print(f"{row.scores['knn'].value:6.1%}  {row.verdict:15s} {row.spec}")
