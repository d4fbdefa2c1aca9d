import pytest
from tests.one_part import compare

from nearspace import load
from nearspace.encoders.spec import make
from nearspace.judge.exhibits import layer_scores
from nearspace.judge.protocol import Protocol
from nearspace.judge.taps import Memory
from nearspace.judge.tasks import set_task
from nearspace.report.base import drawn
from nearspace.report.page import render

pytestmark = pytest.mark.trains


def test_what_corrupting_encoders_were_given_stands_in_the_report():
    digits = load("digits").take(range(200))
    board = compare(digits, encoders=["pca(dim=4)", "denoising(dim=4, epochs=1)"])
    shown = {
        row.spec: {strip.label: strip for strip in row.exhibits.strips}
        for row in board.results
        if row.exhibits
    }
    assert "was given" not in shown["pca(dim=4)"]
    found = shown["denoising(dim=4, epochs=1)"]
    given, restored = (drawn(found[label]) for label in ("was given", "made of it"))
    assert len(given) == len(restored) == len(board.queries)
    assert not set(given) & set(restored)
    page = render(board)
    assert "was given" in page
    assert given[0] in page
    assert "was given" not in render(compare(digits, encoders=["pca(dim=4)"]))


def test_layers_too_wide_for_memory_have_no_scores():
    task = set_task(load("digits").take(range(200)), Protocol())
    encoder = make("mlp(epochs=1)").fit_on(task.train)
    assert [name for name, *_ in layer_scores(task, encoder)] == ["fc1", "fc2", "logits"]
    assert layer_scores(task, encoder, Memory(values=330 * 3)) == []


def test_a_layer_that_does_not_decode_shows_nothing_decoded():
    specs = ["denoising(dim=4, epochs=1)@code", "vae(dim=4, epochs=1)@fc1"]
    board = compare(load("digits").take(range(200)), encoders=specs)
    rows = [row for row in board.results if row.spec in specs]
    assert [row.exhibits.strips for row in rows] == [(), ()]
