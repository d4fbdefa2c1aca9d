import numpy as np
import pytest

from nearspace.data.dates import Dates, parse_dates


@pytest.mark.parametrize(
    ("cells", "dates", "way"),
    [
        (["2024-05-31", "2024-06-01"], ["2024-05-31", "2024-06-01"], ""),
        (["2024/5/31", "2024/06/1"], ["2024-05-31", "2024-06-01"], ""),
        (["2024-05-31 10:30", "2024-05-31"], ["2024-05-31T10:30", "2024-05-31"], ""),
        (["2024-05-31T10:00:00Z", "2024-05-31 10:00+02:00"],
         ["2024-05-31T10:00", "2024-05-31T08:00"], ""),
        (["31.05.2024", "1.6.2024"], ["2024-05-31", "2024-06-01"], "day first"),
        (["1.2.2024", "3.4.2024"], ["2024-02-01", "2024-04-03"], "day first"),
        (["31.05.2024 10:30", "01.06.2024 08:00:05"], ["2024-05-31T10:30", "2024-06-01T08:00:05"],
         "day first"),
        (["31/05/2024", "01/06/2024"], ["2024-05-31", "2024-06-01"], "day first"),
        (["05-31-2024", "06-01-2024"], ["2024-05-31", "2024-06-01"], "month first"),
        (["05/31/2024 10:30 PM", "06/01/2024 9:05 AM"], ["2024-05-31T22:30", "2024-06-01T09:05"],
         "month first"),
        (["20-JUN-2011", "21 Jul 2012"], ["2011-06-20", "2012-07-21"], ""),
        (["0001-01-01", "9999-12-31"], ["0001-01-01", "9999-12-31"], ""),
    ],
)  # fmt: skip
def test_dates_in_either_order(cells, dates, way):
    read = parse_dates(cells)
    assert (read.values == np.array(dates, dtype="datetime64[us]")).all()
    assert read.way == way


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["02/03/2024", "04/05/2024"], "day and month cannot be told apart, such as '02/03/2024'"),
        (["05/31/2024", "31/05/2024"], "some with the month first"),
        (["31/05/24", "01/06/24"], "two-digit years"),
        (["2019-20", "2020-21"], None),
        (["1.2.3", "4.5.6"], None),
        (["near", "far"], None),
        ([None], None),
    ],
)
def test_what_is_no_date(cells, reason):
    read = parse_dates(cells)
    assert not isinstance(read, Dates)
    if reason is not None:
        assert reason in read.reason


def test_days_that_are_none_are_missing_and_counted():
    read = parse_dates([*["2024-02-28"] * 40, "2024-02-30", "unknown", None])
    assert np.isnat(read.values[-3:]).all()
    assert not np.isnat(read.values[:-3]).any()
    assert read.missing == {"2024-02-30": 1, "unknown": 1}
