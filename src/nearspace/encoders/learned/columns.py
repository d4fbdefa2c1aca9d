"""The columns of a table as networks over cells take them, and the way back to a table."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from nearspace.encoders.categories import SIGN, Categories
from nearspace.encoders.numbers import date_cycles, date_features, quantile_edges
from nearspace.nets.cells import MOST_TOLD, RowLayout

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnCodes"]

MOST_BINS, FEWEST_BINS, ROWS_A_BIN = 64, 8, 16
MOST_PLACES = 32  # values of a cell that are read
NOISE = 1e-12  # of a deviation beside the mean: rounding
SHRUNK = 0.25  # so that no difference overflows
CATEGORIES = ("category", "categories")
TYPES = (*CATEGORIES, "number", "date")  # in the order in which cells stand in a row


@dataclasses.dataclass(frozen=True, eq=False)
class ColumnCodes:
    """What was learnt of each column of a table that a network reads.

    Attributes
    ----------
    columns : list of dict
        In the order in which cells stand in a row, each with ``"name"`` and ``"type"``. Of
        categories ``"values"``, the state of their `Categories`, ``"cells"``, how many there were,
        and ``"places"``, how many values of a cell are read. Of a number or a date ``"edges"``, an
        array of the bins of each number that it becomes, ``"mean"`` and ``"scale"`` of the first,
        and ``"cycles"`` of a date.

    Examples
    --------
    >>> import pandas as pd
    >>> towns = pd.Series(["Rome", "Oslo", "Rome", None], dtype=object)
    >>> frame = pd.DataFrame({"age": [30.0, 50.0, 40.0, np.nan], "town": towns})
    >>> codes = ColumnCodes.of(frame, (("age", "number"), ("town", "category")))
    >>> codes.rows(frame)[:, 0].tolist(), codes.layout.sizes
    ([2.0, 3.0, 2.0, 0.0], (4,))
    """

    columns: list[dict[str, Any]]

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        types: Sequence[tuple[str, str]],
        most: int | None = None,
    ) -> Self:
        """Return what there is to know of columns.

        Parameters
        ----------
        frame : DataFrame of n rows
            Checked, of the kind `Table`.
        types : sequence of (str, str)
            Name and type of each column; those of other types than categories, numbers and dates
            are left out.
        most : int, optional
            How many values a column has at most, the commonest first.
        """
        learnt = []
        for wanted in TYPES:
            for name in (name for name, of in types if of == wanted):
                column: dict[str, Any] = {"name": name, "type": wanted}
                if wanted in CATEGORIES:
                    several = wanted == "categories"
                    values = Categories.of(frame[name], most, several=several)
                    lengths = np.diff(values.codes_of_each(frame[name])[1]) if several else [1]
                    # New cells may hold more than any that is there.
                    places = min(max(2 * max(lengths, default=1), 1), MOST_PLACES) if several else 1
                    column |= {"values": values.state, "places": int(places), "cells": len(frame)}
                else:
                    column |= _scaled(frame[name].to_numpy(), wanted == "date")
                learnt.append(column)
        return cls(learnt)

    @classmethod
    def from_state(cls, columns: list[dict[str, Any]]) -> Self:
        """Return what a fitted encoder keeps, checked.

        Raises
        ------
        TypeError, ValueError, KeyError
            If it is not what `of` learns of columns.
        """
        for column in columns:
            if column["type"] in CATEGORIES:
                if not 1 <= column["places"] <= MOST_PLACES:
                    raise ValueError(f"{column['places']} values of a cell are to be read")
            else:
                width = 1 + 2 * len(column["cycles"]) if column["type"] == "date" else 1
                rising = [len(each) and (np.diff(each) > 0).all() for each in column["edges"]]
                if len(rising) != width or not all(rising):
                    raise ValueError("there are no rising bins of each number")
        codes = cls(columns)
        if [column["type"] for column in columns] != codes._types:
            raise ValueError("the columns are of other types, or in another order")
        return codes

    @property
    def _types(self) -> list[str]:
        return sorted((column["type"] for column in self.columns), key=TYPES.index)

    @functools.cached_property
    def values(self) -> dict[str, Categories]:
        """The values of each column of categories."""
        return {
            column["name"]: Categories.from_state(column["values"])
            for column in self.columns
            if column["type"] in CATEGORIES
        }

    @functools.cached_property
    def layout(self) -> RowLayout:
        """How the cells of a row lie in a tensor."""
        several = [column for column in self.columns if column["type"] == "categories"]
        numbers = [column for column in self.columns if column["type"] not in CATEGORIES]
        sizes = {name: len(values) for name, values in self.values.items()}
        return RowLayout(
            tuple(sizes[each["name"]] for each in self.columns if each["type"] == "category"),
            tuple((sizes[column["name"]], column["places"]) for column in several),
            tuple(len(column["edges"]) for column in numbers),
            tuple(
                (edges * SHRUNK - each["mean"] * SHRUNK) / (each["scale"] * SHRUNK)
                if not at
                else edges
                for each in numbers
                for at, edges in enumerate(each["edges"])
            ),
        )

    def rows(self, frame: pd.DataFrame) -> Tensor:
        """Return the rows of a checked table as the network takes them, float32."""
        layout = self.layout
        rows = np.zeros((len(frame), layout.width), dtype=np.float32)
        at = 0
        for column in self.columns:
            cells, of = frame[column["name"]], column["type"]
            if of == "category":
                rows[:, at] = self.values[column["name"]].codes(cells)
                at += 1
            elif of == "categories":
                flat, offsets = self.values[column["name"]].codes_of_each(cells)
                place = np.arange(len(flat)) - np.repeat(offsets[:-1], np.diff(offsets))
                row = np.repeat(np.arange(len(frame)), np.diff(offsets))
                read = place < column["places"]
                rows[row[read], at + place[read]] = flat[read]
                at += column["places"]
            else:
                for edges, numbers in zip(column["edges"], _numbers(cells, column), strict=True):
                    bins = np.arange(len(edges), dtype=np.float64)
                    places = np.interp(numbers * SHRUNK, edges * SHRUNK, bins)
                    rows[:, at] = np.where(np.isnan(numbers), np.nan, places)  # of one edge too
                    at += 1
        return torch.from_numpy(rows)

    def frame(self, raw: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
        """Return the table that a decoder means by what it puts out.

        Parameters
        ----------
        raw : ndarray of shape (n, sum of layout.outputs)
            The commonest value is the one of the largest logit; several are those above 0.
        names : sequence of str
            The columns, in their order; those that the network does not read are missing.
        """
        import pandas as pd

        cells: dict[str, Any] = {}
        ends = np.cumsum(self.layout.outputs)[:-1]
        for column, part in zip(self.columns, np.split(raw, ends, axis=1), strict=True):
            name, of = column["name"], column["type"]
            if of in CATEGORIES:
                told = np.array([*self.values[name].values[:MOST_TOLD], None], dtype=object)
                # The logit of a missing one stands first, and None last.
                cells[name] = (
                    told[part.argmax(axis=1) - 1] if of == "category" else _joined(part, told)
                )
            else:
                edges = column["edges"][0]
                scaled = part[:, 0].astype(np.float64) * column["scale"] + column["mean"]
                values = np.where(part[:, 1] > 0, np.nan, np.clip(scaled, edges[0], edges[-1]))
                cells[name] = _dates(values) if of == "date" else values
        missing = np.full(len(raw), None, dtype=object)
        columns = (cells.get(name, missing) for name in names)
        # Of objects pandas would make a type of its own, with another sign for what is missing.
        series = [pd.Series(column, dtype=column.dtype) for column in columns]
        return pd.DataFrame(dict(zip(names, series, strict=True)))

    def log_odds(self) -> Tensor:
        """Return what a decoder puts out that knows how often values are there, and no row.

        The shape is ``(sum(layout.outputs),)``; values are scaled, so that their mean is 0.
        """
        parts = []
        for column in self.columns:
            if column["type"] not in CATEGORIES:
                parts.append(np.zeros(2))
                continue
            values = self.values[column["name"]]
            counts = values.counts[:MOST_TOLD] + 1.0
            n_cells = column["cells"] + 2.0
            if column["type"] == "category":
                counts = np.append(max(n_cells - counts.sum(), 1.0), counts)
                parts.append(np.log(counts / n_cells))
            else:
                parts.append(np.log(counts / (n_cells - counts)))
        return torch.from_numpy(np.concatenate(parts)).float()

    def unseen_rates(self, least: float) -> list[Tensor]:
        """Return how often each code is replaced in training by that of an unseen value.

        A value that stands in ``count`` cells is in one of ``1 + count`` of them, as for words that
        a parser has not seen [1]_, and in a share ``least`` of them at least; missing ones never.

        References
        ----------
        .. [1] E. Kiperwasser and Y. Goldberg, "Simple and accurate dependency parsing using
           bidirectional LSTM feature representations", 2016.
        """
        rates = []
        for values in self.values.values():
            often = np.maximum(1 / (1 + values.counts), least)
            rates.append(torch.from_numpy(np.concatenate([[0.0, 1.0], often])).float())
        return rates


def _scaled(cells: np.ndarray, are_dates: bool) -> dict[str, Any]:
    """Return the bins of the numbers that a column becomes, and mean and scale of the first."""
    column: dict[str, Any] = {"type": "date" if are_dates else "number"}
    if are_dates:
        column["cycles"] = list(date_cycles(cells))
    numbers = _numbers(cells, column)
    n_bins = min(max(len(cells) // ROWS_A_BIN, FEWEST_BINS), MOST_BINS)
    edges = [quantile_edges(each, n_bins) for each in numbers]
    present = numbers[0][~np.isnan(numbers[0])] * SHRUNK
    largest = np.abs(present).max(initial=0.0) or 1.0
    mean, spread = (
        (float((present / largest).mean()), float((present / largest).std()))
        if len(present)
        else (0.0, 0.0)
    )
    scale = spread if spread > NOISE * abs(mean) else 0.0
    largest /= SHRUNK
    return column | {
        "edges": [each if len(each) else np.zeros(1) for each in edges],
        "mean": mean * largest,
        "scale": scale * largest or 1.0,
    }


def _numbers(cells: Any, column: dict[str, Any]) -> list[np.ndarray]:
    """Return the numbers that the cells of a column become."""
    if column["type"] == "number":
        return [np.asarray(cells, dtype=np.float64)]
    return [*date_features(np.asarray(cells), column["cycles"]).T]


def _joined(logits: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Return cells of all values whose logit is above 0, in order; None where there is none."""
    cells = [SIGN.join(sorted(told[:-1][row].tolist())) or None for row in logits > 0]
    return np.array(cells, dtype=object)


def _dates(years: np.ndarray) -> np.ndarray:
    """Return numbers of years as dates, to the second."""
    year = np.where(np.isnan(years), 1970, np.floor(years))
    start = (year.astype(np.int64) - 1970).astype("datetime64[Y]")
    length = ((start + 1).astype("datetime64[s]") - start.astype("datetime64[s]")).astype(np.int64)
    seconds = np.round((years - year) * length)
    dates = start.astype("datetime64[s]") + np.nan_to_num(seconds).astype("timedelta64[s]")
    dates[np.isnan(years)] = np.datetime64("NaT")
    return dates.astype("datetime64[us]")
