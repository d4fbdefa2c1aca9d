"""What sentences may mean: drawn, decoded, and beside the nearest that there is."""

import numpy as np
import pytest
from PIL import Image

from nearspace.data import load
from nearspace.data.pairs import Pairs
from nearspace.errors import NearspaceError
from nearspace.space.imagining import WORDS, imagine, strip, unwritten
from nearspace.space.space import embed

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPEC = "imagine(pca(dim=8), right=tfidf(analyzer='char') | svd(dim=9), steps=400)"

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    """Return digits and their names as pairs, and the space of these."""
    some = load("digits").take(np.arange(400))
    links = np.stack([np.arange(400), some.labels.astype(int)], axis=1)
    pairs = Pairs(some, load(NAMES), links)
    return pairs, embed(pairs, SPEC)


def test_what_is_drawn_is_like_what_is_called_so(digits):
    pairs, space = digits
    imagined = imagine(space, NAMES, n=20, temperature=1.0, random_state=0)
    labels = pairs.left.labels.astype(int)
    means = np.stack([pairs.left.items[labels == digit].mean(axis=0) for digit in range(10)]) / 255
    drawn = np.stack(imagined.items)
    assert drawn.shape == (10, 20, 8, 8, 1)
    distances = ((drawn[:, :, None] - means) ** 2).sum(axis=(3, 4, 5))
    assert (distances.argmin(axis=2) == np.arange(10)[:, None]).mean() > 0.5  # chance is 0.1
    assert np.array_equal(drawn[3], space.encoder.side("left").decoder.decode(imagined.vectors[3]))
    # The nearest real one is what search finds.
    right = space.encoder.side("right").transform(NAMES)
    gaps = np.linalg.norm(space.vectors[:400] - right[:, None], axis=2)
    assert imagined.nearest.tolist() == gaps.argmin(axis=1).tolist()


def test_draws_come_again_and_are_more_alike_at_a_lower_temperature(digits):
    space = digits[1]
    first, again = (imagine(space, ["two"], 8, random_state=3).vectors for _ in range(2))
    assert np.array_equal(first, again)
    spread = [
        imagine(space, ["two"], 8, temperature, random_state=3).vectors.std(axis=1).mean()
        for temperature in (1.0, 0.5, 0.0)
    ]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < 1e-6


def test_a_strip_shows_every_draw_and_the_real_one(digits):
    space = digits[1]
    texts = ["one", "a very long sentence " * 20]
    imagined = imagine(space, texts, n=3, random_state=0)
    picture = np.asarray(strip(space, texts, imagined))
    shown = 12 * 8  # pixels of an image of 8, enlarged by 12
    first = np.rint(np.clip(imagined.items[0][0], 0, 1) * 255).astype(np.uint8)
    top, left = 23, 6 + WORDS
    got = picture[top : top + shown : 12, left : left + shown : 12, 0]
    assert np.array_equal(got, first[..., 0])
    real = picture[top : top + shown, -WORDS - 6 :][:, :shown, 0].astype(float)
    wanted = np.asarray(
        Image.fromarray(digits[0].left.items[imagined.nearest[0]][..., 0]).resize((shown, shown))
    )
    assert np.abs(real - wanted).mean() < 30
    assert unwritten("twelve, 12: 十二") == "十二"


@pytest.mark.parametrize(
    ("spec", "n", "told"),
    [
        ("linear_pair(pca(dim=4), right=tfidf(analyzer='char') | svd(dim=4))", 1, "imagine made"),
        (SPEC.replace("pca(dim=8)", "hog"), 1, "does not decode"),
        (SPEC, 0, "n of at least 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(digits, spec, n, told):
    space = digits[1] if spec == SPEC else embed(digits[0], spec)
    with pytest.raises(NearspaceError, match=told):
        imagine(space, ["one"], n)


def test_a_temperature_below_zero_is_refused(digits):
    with pytest.raises(NearspaceError, match="temperature of at least 0"):
        imagine(digits[1], ["one"], temperature=-1)
