"""What is missed: the items of a board, what was taken, and what belongs to them."""

import dataclasses

import numpy as np
import pytest

from nearspace import compare
from nearspace.data import Dataset, Vector
from nearspace.data.pairs import Pairs
from nearspace.report.page import render


@pytest.fixture(scope="module")
def board():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(240, 5)).astype(np.float32)
    right = left + rng.normal(0, 0.6, left.shape).astype(np.float32)
    sides = (Dataset(own, Vector(5)) for own in (left, right))
    links = np.arange(240)[:, None].repeat(2, axis=1)
    return compare(Pairs(*sides, links), encoders=["raw"], metric="cosine")


def rows_of(strip):
    return [strip.kind.item(strip.items, at) for at in range(len(strip))]


def test_something_else_is_nearer_than_what_belongs_to_an_item(board):
    misses, row = board.misses, board.best()
    assert misses.spec == row.spec
    assert misses.n_items == 120
    assert misses.n_missed / 120 == pytest.approx(1 - row.scores["precision_1"].value)
    assert np.all(np.diff(misses.ranks) <= 0)
    encoder = board.fitted()
    strips = [rows_of(strip) for strip in (misses.asked, misses.taken, misses.wanted)]
    shown = zip(*strips, misses.ranks, strict=True)
    for (side, asked), (other, taken), (third, wanted), rank in shown:
        assert other == third == 1 - side
        vectors = [
            encoder.side(name).transform(np.array([item]))[0]
            for name, item in (
                (("left", "right")[which], item)
                for which, item in ((side, asked), (other, taken), (other, wanted))
            )
        ]
        unit = [vector / np.linalg.norm(vector) for vector in vectors]
        assert unit[0] @ unit[1] > unit[0] @ unit[2]
        assert rank > 1


def test_the_report_shows_them_and_the_json_does_not(board):
    page = render(board)
    assert "What is missed" in page
    assert page.count('data-item="wanted:') == len(board.misses.ranks)
    assert "misses" not in board.to_json()


def test_a_head_says_from_which_side_to_which(board):
    assert board.label("precision_1_right") == "P@1 left → right"
    assert board.label("precision_1_left") == "P@1 right → left"
    assert board.label("precision_1") == "P@1"
    long = dataclasses.replace(board, protocol=board.protocol | {"sides": ["a" * 20, "b"]})
    assert long.label("precision_1_left") == "P@1 ←"
