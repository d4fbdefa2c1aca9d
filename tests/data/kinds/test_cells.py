"""What of a row is unusual: what 99 % of the rows are not, by counting; marked, and shown."""

import numpy as np
import pandas as pd
import pytest

from nearspace.data.kinds.table import Table

N = 1000


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    days = pd.to_timedelta(rng.integers(900, size=N), unit="D")
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, N),
            "day": pd.Timestamp("2024-01-01") + days,
            "city": rng.choice(["Oslo", "Rome", "Bern"], N, p=[0.6, 0.395, 0.005]),
            "tags": rng.choice(["a|b", "a", "a|c"], N, p=[0.5, 0.495, 0.005]),
            "street": [f"street {at % 500}" for at in range(N)],
            "gap": np.where(rng.random(N) < 0.3, np.nan, 1.0),
        }
    )
    frame.loc[0, "city"] = None
    types = {"tags": "categories", "street": "category"}
    kind = Table.infer(frame, types)
    return kind, kind.check(frame)


def test_marks_are_those_of_counting_rows(table):
    kind, rows = table
    usual = kind.usual(rows)
    for name in ("age", "day"):
        marks = np.array([usual.mark(name, value) for value in rows[name]])
        below = np.array([(rows[name] <= value).mean() for value in rows[name]])
        assert (marks[below < 0.01] == "low").all()
        assert (marks[below > 0.995] == "high").all()
        assert (marks[(below > 0.02) & (below < 0.98)] == "").all()
        assert 0.01 < (marks != "").mean() < 0.03
    shares = rows["city"].value_counts() / N
    assert [usual.mark("city", city) for city in ("Oslo", "Rome", "Bern")] == ["", "", "rare"]
    assert shares["Bern"] < 0.01
    assert usual.mark("city", None) == "rare"  # one of a thousand is missing
    assert [usual.mark("tags", tags) for tags in ("a|b", "b", "a|c", "d")] == [
        "",
        "",
        "rare",
        "rare",
    ]
    # Where all values are rare, none of them is unusual; nor is a gap where there are many.
    assert not any(usual.mark("street", value) for value in rows["street"])
    assert usual.mark("gap", np.nan) == ""


def test_an_unusual_cell_is_marked_by_more_than_colour_and_always_shown(table):
    kind, rows = table
    usual = kind.usual(rows)
    odd = rows.iloc[3].copy()
    odd["age"] = 400.0
    drawn = kind.draw(odd, usual)
    assert '<strong class="unusual" title="above 99 % of the rows' in drawn
    assert "▲ 400<" in drawn
    assert drawn.count("<strong") == 1
    assert "<strong" not in kind.draw(odd)
    wide = pd.DataFrame({f"n{at}": np.arange(200.0) for at in range(12)})
    kind = Table.infer(wide)
    last = wide.iloc[100].copy()
    last["n11"] = -5.0
    drawn = kind.draw(last, kind.usual(wide))
    assert "▼ -5" in drawn
    assert "and 4 more" in drawn
