"""Pictures from sentences, judged: what is drawn, the mean picture, and the nearest caption's.

    NEARSPACE_DATA=… python benchmarks/imagine.py [--text SPEC] [--image SPEC]

Emoji of ``twemoji``, 32 × 32 pixels on white; those that differ in nothing but the tone of a skin
stay on one side. Of the emoji a half trains what draws, three tenths train the two judges, which
see no picture of the others, and a fifth is asked for, one picture an emoji. The judges, of colours
and of oriented gradients: canonical correlations with captions by TF-IDF of characters, of which
the recall of the right caption among all that are asked for is taken, by the likeness of what was
drawn; and a logistic regression of the group. Rows: the mean picture, regression, draws of the flow
(mean over four), the picture of the nearest caption of those that train, and the real picture as it
is and as the autoencoder gives it back. Intervals by bootstrap over emoji.
"""

import argparse
import dataclasses
import io
import os
import re
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression

from nearspace import embed, imagine, load, make
from nearspace.data.pairs import Pairs
from nearspace.space.imagining import strip

TONE = re.compile(r"(medium-light|medium-dark|light|medium|dark) skin tone")
SIDE, DRAWS = 32, 4
SHOWN = ["a red heart", "a smiling cat", "green apple"]  # beside captions that were held out


def read(folder):
    """Return pictures, captions, groups, and a number for each emoji whatever its tone."""
    lines = (folder / "captions.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    pictures = []
    with zipfile.ZipFile(folder / "png72.zip") as archive:
        for row in rows:
            picture = Image.open(io.BytesIO(archive.read(f"png72/{row[0]}"))).convert("RGBA")
            paper = Image.new("RGBA", picture.size, "white")
            paper.alpha_composite(picture)
            small = paper.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            pictures.append(np.asarray(small))
    captions, groups = (np.array([row[at] for row in rows]) for at in (3, 4))
    stems = [" ".join(re.findall(r"\w+", TONE.sub("", caption))) for caption in captions]
    return np.stack(pictures), captions, groups, np.unique(stems, return_inverse=True)[1]


def paired(pictures, captions):
    links = np.arange(len(pictures))[:, None].repeat(2, axis=1)
    return Pairs(load(pictures), load(captions.tolist()), links)


def interval(values, random):
    means = values[random.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{100 * values.mean():+6.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", default="tfidf(analyzer='char') | svd(dim=256)")
    parser.add_argument("--image", default="vae(dim=32, epochs=60)")
    parser.add_argument("--regularization", type=float, default=0.5)
    parser.add_argument(
        "--strip",
        type=Path,
        help="a picture of a few sentences, what was drawn, and the nearest learnt from",
    )
    options = parser.parse_args()
    pictures, captions, groups, emoji = read(Path(os.environ["NEARSPACE_DATA"]) / "twemoji")
    random = np.random.default_rng(0)
    place = random.permutation(emoji.max() + 1)[emoji] / (emoji.max() + 1)
    train, judging = np.flatnonzero(place < 0.5), np.flatnonzero((place >= 0.5) & (place < 0.8))
    first = np.unique(emoji, return_index=True)[1]
    asked = first[place[first] >= 0.8]
    started = time.perf_counter()
    encoder = make("imagine").set_params(
        left=make(options.image),
        right=make(options.text),
        regularization=options.regularization,
    )
    encoder.fit_on(paired(pictures[train], captions[train]))
    print(f"{encoder.spec}: {time.perf_counter() - started:.0f} s, {len(train):,} pairs")

    judge = make("linear_pair(hog + raw | pca(dim=128))")
    judge.fit_on(paired(pictures[judging], captions[judging]))
    seen = judge.side("left")
    features = make("hog + raw | pca(dim=64) | scale").fit(pictures[judging])
    groups_told = LogisticRegression(C=0.1, max_iter=1000)
    groups_told.fit(features.transform(pictures[judging]), groups[judging])

    def unit(vectors):
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    wanted = unit(judge.side("right").transform(captions[asked].tolist()))

    def judged(drawn):
        if drawn.dtype != np.uint8:
            drawn = np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8)
        alike = unit(seen.transform(drawn)) @ wanted.T
        right = np.diag(alike)[:, None]
        rank = 1 + (alike > right).sum(axis=1) + ((alike == right).sum(axis=1) - 1) / 2
        told = groups_told.predict(features.transform(drawn)) == groups[asked]
        nearer = np.diag(alike)
        return np.stack([rank <= 1, rank <= 10, rank / len(asked), told, nearer]).astype(float)

    decode = encoder.side("left").decoder.decode
    texts = captions[asked].tolist()
    at_temperatures = {
        temperature: [
            decode(part) for part in encoder.draw(texts, DRAWS, 0, temperature).transpose(1, 0, 2)
        ]
        for temperature in (1.0, 0.5, 0.0)
    }
    draws = at_temperatures[1.0]
    by_text = []
    for at in (asked, train):
        vectors = captions[at].tolist()
        for stage in encoder.side("right").encoders_[:-1]:
            vectors = stage.transform(vectors)
        by_text.append(unit(vectors))
    nearest = train[(by_text[0] @ by_text[1].T).argmax(axis=1)]
    mean = pictures[train].mean(axis=0).round().astype(np.uint8)
    told = decode(encoder.side("right").transform(texts))
    again = decode(encoder.side("left").transform(pictures[asked]))
    rows = {
        "the mean picture": judged(np.repeat(mean[None], len(asked), axis=0)),
        "regression": judged(told),
        "draws of the flow": np.mean([judged(drawn) for drawn in draws], axis=0),
        **{
            f"draws at temperature {temperature}": np.mean([*map(judged, drawn)], axis=0)
            for temperature, drawn in at_temperatures.items()
            if temperature < 1
        },
        "the nearest caption's picture": judged(pictures[nearest]),
        "the real one, decoded": judged(again),
        "the real one": judged(pictures[asked]),
    }
    chance = 1000 / len(asked)
    print(
        f"{len(asked)} captions; recall@1, @10 (chance {chance:.1f}), mean rank, group told, in %"
    )
    for name, row in rows.items():
        print(f"  {name:30}" + "".join(f"{100 * value:7.1f}" for value in row[:4].mean(axis=1)))
    print("differences in points: recall@10 | mean rank | group | cosine to the right caption")
    for one, other in (
        ("regression", "the mean picture"),
        ("draws of the flow", "the mean picture"),
        ("draws of the flow", "regression"),
        ("draws at temperature 0.5", "the mean picture"),
        ("draws at temperature 0.5", "regression"),
        ("draws of the flow", "the nearest caption's picture"),
        ("regression", "the nearest caption's picture"),
    ):
        by = rows[one] - rows[other]
        told_by = " | ".join(interval(by[at], random) for at in (1, 2, 3, 4))
        print(f"  {one} less {other}: {told_by}")
    if options.strip:
        learnt = paired(pictures[train], captions[train])
        named = dataclasses.replace(learnt.left, ids=captions[train])
        space = embed(dataclasses.replace(learnt, left=named), encoder)
        shown = [*SHOWN, *random.choice(texts, 4, replace=False).tolist()]
        strip(space, shown, imagine(space, shown, 5, 0.5, 0)).save(options.strip)


if __name__ == "__main__":
    main()
