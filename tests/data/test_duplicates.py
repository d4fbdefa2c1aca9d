"""Copies, equal as encoders see them or nearly so, planted where it is known which they are."""

import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from nearspace.data import Image, Table, Text, Vector, load
from nearspace.data.duplicates import near_texts, numbers_scaled

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(200, 4))
WHOLE = RNG.integers(-2, 3, size=(200, 6)).astype(float)
WHOLE[:, 0] = NUMBERS[:, 0]
SPARSE = np.where(RNG.random((200, 30)) < 0.3, RNG.exponential(100, (200, 30)), 0.0)
OTHER_NAN = np.array([0xFFF8000000000001], dtype=np.uint64).view(float)[0]
CELLS = pd.DataFrame(
    {"a": NUMBERS[:, 0], "b": np.where(RNG.random(200) < 0.3, np.nan, 7.0), "c": ["x", "ﬁne"] * 100}
)
TEXTS = [f"Café number {i} is  open, they said\n" for i in range(200)]


def gaps_filled(frame, value):
    return frame.assign(b=frame["b"].to_numpy(copy=True)).mask(frame.isna(), value)


COPIES = {
    "-0.0": (WHOLE, np.where(WHOLE == 0, -0.0, WHOLE)),
    "float32": (NUMBERS, NUMBERS.astype(np.float32)),
    "float32, mostly zeros": (SPARSE, SPARSE * (1 + 1e-8) + 1e-9),
    "float32 around 1000": (1000 + NUMBERS, (1000 + NUMBERS) * (1 + 1e-10)),
    "a constant column": (NUMBERS * [1, 1, 1, 0] + 5, (NUMBERS * [1, 1, 1, 0] + 5) * (1 + 1e-13)),
    "table": (CELLS, CELLS.assign(a=CELLS["a"] * (1 + 1e-13), b=CELLS["b"] * (1 - 1e-13))),
    "table, NaN": (CELLS, gaps_filled(CELLS, OTHER_NAN)),
    "table, whole numbers": (CELLS.assign(b=3), CELLS.assign(b=3.0)),
    "table, categories": (CELLS, CELLS.assign(c=[" x", "fine "] * 100)),
    "blanks": (TEXTS, [text + " " for text in TEXTS]),
    "blanks inside": (TEXTS, [text.replace(" ", "\u00a0 ") for text in TEXTS]),
    "case": (TEXTS, list(map(str.upper, TEXTS))),
    "NFD": (TEXTS, [unicodedata.normalize("NFD", text) for text in TEXTS]),
    "NFKC": (TEXTS, [text.replace("n", "\uff4e") for text in TEXTS]),
    "line ends": (TEXTS, [text.replace("\n", "\r\n") for text in TEXTS]),
    "what is not seen": (TEXTS, ["\ufeff" + text.replace("b", "\u200bb") for text in TEXTS]),
}


@pytest.mark.parametrize("copies", COPIES.values(), ids=COPIES)
def test_copies_are_what_encoders_cannot_tell_apart(copies):
    first, second = (load(items) if items is copies[0] else items for items in copies)
    kind = first.kind
    items = kind.join(first.items, kind.check(second))
    same = kind.same(items)
    assert len(np.unique(same[:200])) == 200
    assert (same[:200] == same[200:]).all()
    order = np.random.default_rng(1).permutation(400)
    shuffled = kind.same(kind.take(items, order))
    assert (same[order] == same[order][::-1]).sum() == (shuffled == shuffled[::-1]).sum()


def test_what_differs_stays_different():
    seconds = 1.7e9 + RNG.permutation(200)[:, None] * np.ones(2)
    outlier = np.concatenate([NUMBERS, [[1e15, 0, 0, 0]]])
    for rows in (seconds, outlier, WHOLE, 1e-30 * NUMBERS, 1e30 * NUMBERS):
        kind = Vector(rows.shape[1])
        assert len(np.unique(kind.same(rows))) == len(np.unique(rows, axis=0))
    cases = Table.infer(CELLS).check(CELLS.assign(c=[f"{i}a" for i in range(200)]))
    upper = cases.assign(c=cases["c"].str.upper())
    both = Table.infer(CELLS).join(cases, upper)
    assert len(np.unique(Table.infer(CELLS).same(both))) == 400  # a code may be told by its case


def test_a_number_has_one_hash_whatever_holds_it():
    kind = Vector(6)
    for other in (WHOLE.astype(np.float32).astype(float), np.where(WHOLE == 0, -0.0, WHOLE)):
        exact = WHOLE[:, 1:] == other[:, 1:]
        assert exact.all()
        assert (Vector(5).hashes(WHOLE[:, 1:]) == Vector(5).hashes(other[:, 1:])).all()
    assert (kind.hashes(np.eye(6)) == kind.hashes(np.eye(6, dtype=np.float32))).all()


def recall(kind, items, changed, of):
    """Return which share of items that were changed is found beside what it was made of."""
    n = len(items)
    pairs = kind.near(kind.join(items, changed), np.arange(n, n + len(changed)))
    return np.isin(np.arange(len(of)), pairs[pairs[:, 1] == of[pairs[:, 0] - n], 0] - n).mean()


@pytest.mark.parametrize("name", ["digits", "wine", "customers"])
def test_what_only_looks_alike_is_no_copy(name):
    data = load(name)
    assert not len(data.kind.near(data.items, np.arange(len(data))))


@pytest.mark.parametrize(("n", "d"), [(30, 5), (200, 3), (1000, 8), (3000, 32)])
def test_noise_is_told_from_chance(n, d):
    rows = np.random.default_rng(n).normal(size=(n, d))
    kind, of = Vector(d), np.arange(n // 10)
    assert len(kind.near(rows, np.arange(n))) <= 2
    noise = 1e-4 * np.random.default_rng(1).normal(size=(len(of), d))
    assert recall(kind, rows, rows[of] + noise, of) > 0.9


@pytest.mark.parametrize("copies", [1, 5, 20])
def test_the_yardstick_does_not_shrink_where_every_item_has_copies(copies):
    rows = np.random.default_rng(0).normal(size=(3000 // (copies + 1), 8))
    parts = [rows + 1e-3 * np.random.default_rng(i).normal(size=rows.shape) for i in range(copies)]
    pairs = Vector(8).near(np.concatenate([rows, *parts]), np.arange(len(rows)))
    assert (pairs[:, 0] == pairs[:, 1] % len(rows)).all()
    assert len(pairs) > 0.98 * copies * len(rows)


def test_rows_of_a_grid_are_near_each_other_by_chance():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(20, 60, 3000),
            "weight": random.lognormal(size=3000),
            "city": random.choice(list("abcde"), 3000),
            "sex": random.choice(list("mf"), 3000),
        }
    )
    kind = Table.infer(frame)
    items = kind.check(frame)
    assert len(np.unique(kind.near(items, np.arange(3000)))) < 10
    people = pd.DataFrame(random.normal(size=(500, 6))).rename(columns=str).assign(city="Oslo")
    kind, of = Table.infer(people), np.arange(50)
    items = kind.check(people)
    changed = items.iloc[of].copy()
    changed.iloc[:, :6] += 1e-3 * random.normal(size=(50, 6))
    assert recall(kind, items, changed.reset_index(drop=True), of) == 1
    elsewhere = changed.assign(city="Rome").reset_index(drop=True)
    assert recall(kind, items, elsewhere, of) == 0


WORDS = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("ato", "inel", "ora", "ust", "eph", "ilu")]
STORIES = [" ".join(RNG.choice(WORDS, 12)).capitalize() + "." for _ in range(400)]
EDITS = {
    "a word": lambda t: " ".join([*t.split()[:5], "cucumber", *t.split()[6:]]),
    "a letter": lambda t: t[:20] + "x" + t[21:],
    "punctuation": lambda t: "“" + t.replace(" ", ", ", 3).replace(".", "!?") + "”",
    "cut": lambda t: t[: int(0.8 * len(t))],
    "more": lambda t: "Read this: " + t,
    "halves swapped": lambda t: " ".join([*t.split()[6:], *t.split()[:6]]),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_texts_that_were_edited_are_found(edit):
    of = np.arange(100)
    assert recall(Text(), STORIES, [edit(STORIES[i]) for i in of], of) >= 0.9


def test_texts_that_share_what_all_do_or_little_are_no_copies():
    assert not len(near_texts(STORIES))
    letters = [f"Dear Sir or Madam, thank you for your order. {story[:50]}" for story in STORIES]
    assert not len(near_texts(letters))
    assert not len(near_texts(["ok", "ok!", "", "😀😀", "no no", "日本"] * 3))
    letters = np.random.default_rng(0).choice(list("abcdefgh "), (3, 50_000))
    long = ["".join(row) for row in letters]
    assert near_texts([*long, long[1].replace("abc", "cab")]).tolist() == [[1, 3]]
    chinese = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳"
    chinese += "云腾致雨露结为霜金生丽水玉出昆冈"
    assert near_texts([chinese, chinese[:20] + chinese[21:], chinese[::-1]]).tolist() == [[0, 1]]


def jpeg(images):
    """Return grey images after a JPEG of the usual quality."""
    decoded = []
    for image in images[..., 0]:
        file = io.BytesIO()
        Pillow.fromarray(image).save(file, "JPEG")
        decoded.append(np.asarray(Pillow.open(file)))
    return np.stack(decoded)[..., None]


def scenes(n, side=24):
    """Return images of blots on a dark ground, each at places of its own."""
    random = np.random.default_rng(0)
    places = np.mgrid[:side, :side][None, None]
    centres = random.uniform(6, side - 6, (n, 5, 2, 1, 1))
    blots = np.exp(-((places - centres) ** 2).sum(2) / random.uniform(2, 8, (n, 5, 1, 1)))
    return (40 + 180 * blots.max(1)).astype(np.uint8)[..., None]


def one_pixel(images):
    changed = images.copy()
    changed[:, 3, 3] = 255 - changed[:, 3, 3]
    return changed


CHANGES = {
    "JPEG": jpeg,
    "one pixel": one_pixel,
    "brighter": lambda images: (0.85 * images + 30).astype(np.uint8),
    "noise": lambda x: (x + np.random.default_rng(0).integers(-5, 6, x.shape)).astype(np.uint8),
    "shifted": lambda images: np.roll(images, (1, -1), axis=(1, 2)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_images_that_were_changed_are_found(change):
    images, of = scenes(500), np.arange(50)
    assert not len(Image((24, 24, 1)).near(images, np.arange(500)))
    assert recall(Image((24, 24, 1)), images, change(images[of]), of) > 0.9


def test_blank_images_and_fainter_ones_are_no_copies():
    random = np.random.default_rng(0)
    blank = random.integers(250, 253, (200, 16, 16, 3)).astype(np.uint8)
    kind = Image((16, 16, 3))
    assert not len(kind.near(blank, np.arange(200)))
    some = random.integers(0, 256, (100, 16, 16, 3)).astype(np.uint8)
    faint = (230 + some[:10] // 10).astype(np.uint8)
    assert recall(kind, some, faint, np.arange(10)) == 0


def test_scaled_numbers_leave_what_is_missing_in_the_middle():
    column = np.array([[1.0], [np.nan], [2.0], [np.inf], [3.0]])
    assert numbers_scaled(column)[[1, 2, 3], 0].tolist() == [0, 0, 0]
    assert not numbers_scaled(np.full((3, 1), np.nan)).any()
