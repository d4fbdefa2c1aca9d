"""Which words make texts near, as a comparison tells it and its page shows it."""

import re

import numpy as np
import pandas as pd
import pytest

from nearspace import compare, load, load_pairs
from nearspace.encoders.leave_out import leave_out
from nearspace.report.page import render

NASTY = "<b>sea</b></script><script>alert(1)</script>"


def section(page, name):
    start = page.index(f'<section id="{name}">')
    return re.sub(r"\s+", " ", page[start : page.index("</section>", start)])


@pytest.fixture(scope="module")
def board():
    texts = load("sentences").take(range(80))
    items = [f"{text} {NASTY}" for text in texts.items]
    return compare(load(items, labels=texts.target.values), encoders=["tfidf"], folds=1)


def test_each_query_has_its_nearest_text_with_the_effects_of_all_words(board):
    spec, pairs = board.words
    row = next(row for row in board.results if row.spec == spec)
    assert len(pairs) == len(board.queries)
    for query, pair in enumerate(pairs):
        nearest = board.gallery.items[row.exhibits.neighbours[query, 0]]
        assert (pair.left.text, pair.right.text) == (board.queries.items[query], nearest)
    fitted = board.fitted(spec)
    (again,) = leave_out(fitted, [pairs[0].left.text], [pairs[0].right.text])
    np.testing.assert_array_equal(again.left.effects, pairs[0].left.effects)


def test_the_page_colours_words_and_none_breaks_out(board):
    page = render(board)
    shown = section(page, "words")
    assert f"by <code>{board.words[0]}" in shown
    assert '<mark class="for" style="--share: 100%" title="+' in shown
    assert '<mark class="against"' in shown
    assert "<b>" not in shown
    assert "<script" not in shown
    whole = re.sub(r"<[^>]*>", "", shown)
    assert "&lt;/script&gt;&lt;script&gt;alert" in whole


def test_pairs_that_people_judge_otherwise_are_coloured_too():
    random = np.random.default_rng(0)
    items = load("sentences").items[:60]
    table = {"one": items[:30], "other": items[30:], "alike": random.normal(size=30)}
    pairs = load_pairs(pd.DataFrame(table), "one", "other", scores="alike")
    board = compare(pairs, encoders=["bow"])
    spec, pairs = board.words
    assert spec == board.disagreements.spec
    assert [pair.left.text for pair in pairs] == list(board.disagreements.left.items)
    np.testing.assert_allclose([pair.alike for pair in pairs], board.disagreements.alike, atol=1e-6)
    page = render(board)
    assert "<mark" in section(page, "disagreements")
    assert 'id="words"' not in page


def test_queries_are_explained_as_queries():
    items = load("sentences").items[:120]
    texts = [
        f"{one.capitalize()}. {other.capitalize()}."
        for one, other in zip(items[::2], items[1::2], strict=True)
    ]
    board = compare(load(texts), encoders=["tfidf"], task="retrieval")
    spec, pairs = board.words
    encoder = board.fitted(spec)
    (again,) = leave_out(encoder, [pairs[0].left.text], [pairs[0].right.text], asked=True)
    np.testing.assert_allclose(again.left.effects, pairs[0].left.effects)
    assert "the first document" in section(render(board), "words")


def test_what_fails_there_costs_no_comparison_and_other_kinds_have_no_words(monkeypatch):
    assert compare("wine", encoders=["pca(dim=2)"], folds=1).words is None
    texts = load("sentences").take(range(40))

    def fails(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nearspace.judge.words.leave_out", fails)
    board = compare(texts, encoders=["tfidf"], folds=1)
    assert board.words is None
    assert "which words make texts near cannot be told: KeyboardInterrupt()" in board.notes[-1]
    assert len(board.results) == 3


def test_of_tables_the_page_tells_which_columns_make_rows_near_and_which_cells_are_unusual():
    board = compare("customers", encoders=["onehot"], folds=1)
    _, pairs = board.words
    assert {pair.part for pair in pairs} == {"column"}
    assert len(pairs) == len(board.queries)
    page = render(board)
    shown = section(page, "words")
    assert "Columns that make rows near" in shown
    assert "taking its cell for a missing one" in shown
    assert '<mark class="for"' in shown
    assert "▲ and ▼ stand at numbers beyond" in section(page, "neighbours")
    assert "unusual" in page[page.index('id="page-data"') :]
