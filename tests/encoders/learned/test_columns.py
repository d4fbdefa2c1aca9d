"""Columns as networks take them, and rows given back from what a perfect decoder would put out."""

import numpy as np
import pandas as pd
import pytest
import torch

from nearspace.data import Table
from nearspace.encoders.learned.columns import ColumnCodes
from nearspace.encoders.state import _from_node, _to_node


def drawn(n, rng):
    """Return rows of every type of column, in each of which a tenth is missing."""
    frame = pd.DataFrame(
        {
            "about": ["a text of no concern"] * n,
            "town": rng.choice(["Oslo", "Rome", "Bonn", ""], n),
            "age": rng.normal(40, 10, n).round(),
            "same": np.full(n, 1e9),
            "huge": rng.choice([-1e308, 0.0, 1e308], n),
            "likes": ["|".join(sorted({*rng.choice([*"abcde"], 3)})) for _ in range(n)],
            "joined": pd.Timestamp("1969-06-01") + pd.to_timedelta(rng.integers(0, 10**9, n), "s"),
            "name": [f"row {row}" for row in range(n)],
        }
    )
    types = ("text", "category", "number", "number", "number", "categories", "date", "id")
    frame = frame.mask(rng.random(frame.shape) < 0.1)
    kind = Table(tuple(zip(frame.columns, types, strict=True)))
    return kind, kind.check(frame)


def perfect(codes, rows):
    """Return what a decoder puts out that knows the rows."""
    parts, layout = [], codes.layout
    start = len(layout.sizes)
    for at, size in enumerate(layout.sizes):
        logits = torch.full((len(rows), size - 1), -5.0)
        logits[torch.arange(len(rows)), (rows[:, at].long() - 1).clamp(min=0)] = 5.0
        parts.append(logits)
    for size, places in layout.runs:
        told = torch.nn.functional.one_hot(rows[:, start : start + places].long(), size).sum(dim=1)
        parts.append(10.0 * told[:, 2:] - 5)
        start += places
    values = layout.values(rows)
    for value in values.T:
        parts += [value.nan_to_num()[:, None], 10.0 * value.isnan()[:, None] - 5]
    return torch.cat(parts, dim=1).numpy()


@pytest.mark.parametrize("n", [1, 7, 400])
def test_rows_come_back_from_a_decoder_that_knows_them(n):
    kind, frame = drawn(n, np.random.default_rng(n))
    arrays = {}
    node = _to_node(ColumnCodes.of(frame, kind.columns).columns, arrays, "columns")
    codes = ColumnCodes.from_state(_from_node(node, arrays))
    rows = codes.rows(frame)
    assert rows.shape == (n, codes.layout.width)
    assert not rows[:, : codes.layout.n_codes].isnan().any()
    back = kind.check(codes.frame(perfect(codes, rows), list(frame.columns)))
    assert back[["about", "name"]].isna().all().all(), "they are not read"
    for name in ("town", "likes"):
        assert back[name].tolist() == frame[name].tolist()
    for name in ("age", "same", "huge"):
        largest = frame[name].abs().max()
        np.testing.assert_allclose(back[name], frame[name], rtol=0, atol=1e-6 * largest)
    late = (back["joined"] - frame["joined"]).dropna().abs()
    assert (back["joined"].isna() == frame["joined"].isna()).all()
    assert (late <= pd.Timedelta(hours=1)).all(), "float32 of thirty years"
    missing = codes.rows(kind.blank())
    torch.testing.assert_close(missing, codes.layout.blank(1), equal_nan=True)


def test_what_was_never_seen_has_codes_and_places():
    kind, frame = drawn(50, np.random.default_rng(0))
    codes = ColumnCodes.of(frame, kind.columns)
    other = frame.head(1).assign(
        town="Ulm",
        age=1e6,
        likes="|".join("abcdefgh"),
        joined=pd.Timestamp("2150-01-01"),
        huge=1e308,
    )
    row = codes.rows(kind.check(other))[0]
    assert row.isfinite().all()
    assert row[0] == 1
    places = codes.columns[1]["places"]
    assert (row[1 : 1 + places] > 0).all(), "so many values are read as a cell had in fit"
    assert row[codes.layout.n_codes] == len(codes.layout.edges[0]) - 1, "the last edge"


@pytest.mark.parametrize(
    ("at", "name", "value"),
    [
        (0, "places", 10**12),
        (0, "places", 0),
        (2, "edges", [np.array([1.0, 1.0])]),
        (2, "edges", []),
        (2, "type", "date"),
        (0, "type", "number"),
    ],
)
def test_columns_that_nobody_wrote_are_refused(at, name, value):
    kind, frame = drawn(50, np.random.default_rng(0))
    columns = ColumnCodes.of(frame, kind.columns).columns
    columns[at][name] = value
    with pytest.raises((ValueError, KeyError)):
        ColumnCodes.from_state(columns)
