import numpy as np
import pandas as pd
import pytest

from nearspace.data import Table, kind_from_json, take_items
from nearspace.errors import DataError

FRAME = pd.DataFrame(
    {
        "age": [31, 47, 31],
        "income": [1.5, np.nan, 1.5],
        "city": ["Oslo", None, "Oslo"],
        "member": [True, False, True],
        "size": pd.Categorical(["S", "M", "S"]),
        "code": pd.Series([1, 2.5, None], dtype=object),
        "count": pd.Series([1, None, 1], dtype="Int64"),
    }
)
KIND = Table.infer(FRAME)


def test_kinds_of_columns():
    assert dict(KIND.columns) == {
        "age": "number",
        "income": "number",
        "city": "category",
        "member": "category",
        "size": "category",
        "code": "number",
        "count": "number",
    }
    assert kind_from_json(KIND.to_json()) == KIND


def test_check_restores_the_order_and_keeps_what_is_missing():
    shuffled = FRAME[FRAME.columns[::-1]].set_axis([7, 8, 9])
    checked = KIND.check(shuffled)
    assert list(checked.columns) == [name for name, _ in KIND.columns]
    assert list(checked.index) == [0, 1, 2]
    for name, kind in KIND.columns:
        assert checked[name].dtype == (np.float64 if kind == "number" else object)
        np.testing.assert_array_equal(checked[name].isna(), FRAME[name].isna())
    assert checked["member"].tolist() == ["True", "False", "True"]
    assert checked["count"].tolist()[0] == 1.0
    pd.testing.assert_frame_equal(KIND.check(checked), checked)


def test_a_category_is_the_same_whether_read_as_text_or_number():
    kind = Table((("zip", "category"),))
    texts = kind.check(pd.DataFrame({"zip": ["10", "A7", None]}))
    numbers = kind.check(pd.DataFrame({"zip": [10.0, 3.5, np.nan]}))
    assert texts["zip"].tolist() == ["10", "A7", None]
    assert numbers["zip"].tolist() == ["10", "3.5", None]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAME.rename(columns={"income": "incme"}), ["'income' is missing", "'incme'"]),
        (FRAME.assign(more=1), ["'more'", "leave it out"]),
        (FRAME.assign(age=[1, np.inf, 3]), ["row 1", "'age'", "inf"]),
        (FRAME.assign(age=["1", "2", "old"]), ["row 2", "'age'", "'old'"]),
        (pd.concat([FRAME, FRAME[["age"]]], axis=1), ["'age' stands twice"]),
        (FRAME.to_numpy(), ["expected a DataFrame", "ndarray"]),
    ],
)
def test_what_does_not_fit_is_refused(frame, words):
    with pytest.raises(DataError) as error:
        KIND.check(frame, "people.csv")
    assert str(error.value).startswith("people.csv: ")
    assert all(word in str(error.value) for word in words)


def test_hashes_are_of_rows():
    kind = Table.infer(FRAME.drop(columns="code"))
    checked = kind.check(FRAME.drop(columns="code"))
    hashes = kind.hashes(checked)
    assert hashes.dtype == "S16"
    assert hashes[0] == hashes[2] != hashes[1]
    assert kind.hashes(take_items(checked, np.array([1])))[0] == hashes[1]


def test_an_item_is_a_row_and_is_drawn_with_its_gaps():
    checked = KIND.check(FRAME)
    drawn = KIND.draw(KIND.item(checked, 1))
    assert drawn.count("–missing–") == 3
    assert "<th>age</th><td>47</td>" in drawn
    assert KIND.draw(checked.iloc[[1]]) == drawn
    wide = pd.DataFrame({f"<{i}>": [i] for i in range(11)})
    drawn = Table.infer(wide).draw(wide.iloc[0])
    assert drawn.count("<td>") == 8
    assert "and 3 more" in drawn
    assert "<0>" not in drawn


def test_a_table_has_no_raw_form():
    with pytest.raises(DataError, match="no raw form"):
        KIND.features(FRAME)
