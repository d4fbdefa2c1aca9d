from nearspace import compare, load
from nearspace.judge import taps
from nearspace.report.page import render


def test_what_corrupting_encoders_were_given_stands_in_the_report():
    digits = load("digits").take(range(200))
    board = compare(["pca(dim=4)", "denoising(dim=4, epochs=1)"], digits)
    shown = {row.spec: row.exhibits for row in board.results if row.exhibits}
    assert shown["pca(dim=4)"].given == ()
    found = shown["denoising(dim=4, epochs=1)"]
    assert len(found.given) == len(found.restored) == len(board.queries)
    assert not set(found.given) & set(found.restored)
    page = render(board)
    assert "was given" in page
    assert found.given[0] in page
    assert "was given" not in render(compare(["pca(dim=4)"], digits))


def test_layers_too_wide_for_memory_leave_the_row_standing(monkeypatch):
    monkeypatch.setattr(taps, "MOST_VALUES", 330 * 3)
    board = compare(["mlp(epochs=1)"], load("digits").take(range(200)))
    (row,) = (row for row in board.results if row.spec == "mlp(epochs=1)")
    assert row.exhibits.layers == ()
    assert row.scores["knn"].value > 0.2
