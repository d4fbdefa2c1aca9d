import dataclasses
import html
import re

import numpy as np
import pytest
from tests.report.conftest import NASTY

from nearspace.data import Classes, Dataset, Image, Text
from nearspace.encoders.exhibits import Strip
from nearspace.judge.board import Failure
from nearspace.judge.cost import Cost
from nearspace.judge.exhibits import Exhibits
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.mistakes import mistakes_of
from nearspace.judge.statistics import Estimate
from nearspace.report import render, write_report
from nearspace.report.base import drawn

SECTIONS = ("ranking", "cost", "maps", "neighbours", "decoded", "layers", "alike", "protocol")


def sections(page):
    return re.findall(r'<section id="(\w+)"', page)


def without_plotly(page):
    from plotly.offline import get_plotlyjs

    assert page.count(get_plotlyjs()) <= 1
    return page.replace(get_plotlyjs(), "")


@pytest.mark.parametrize("name", ["digits", "texts", "unlabelled", "one row", "folds"])
def test_every_row_is_in_a_page_that_loads_nothing(board, name):
    page = without_plotly(render(board(name)))
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", page)
    assert "default-src 'none'" in page
    assert page.count("<tr class=") == len(board(name))
    assert page.count('class="badge failed"') == len(board(name).failures)


def test_encoders_scores_verdicts_and_errors_are_shown(board):
    page = render(board("digits"))
    for row in board("digits"):
        assert f"<code>{row.spec.replace('(', '<wbr>(')}</code>" in page
        if isinstance(row, Failure):
            assert row.error.replace("'", "&#39;") in page
    assert page.count('class="badge tied"') == 2
    assert page.count("★ recommended") == 1
    for shown in ("[97.3, 99.3]", "310 µs", "576 B", "◂ chance 10.2", "−0.3", "[−1.5, 0.7]"):
        assert shown in page


def test_all_sections_stand_in_order_and_the_empty_are_absent(board):
    assert sections(render(board("digits"))) == list(SECTIONS)
    assert sections(render(board("texts"))) == ["ranking", "cost", "maps", "neighbours", "protocol"]
    assert sections(render(board("one row"))) == ["ranking", "protocol"]


def test_a_model_of_items_shows_its_bound_and_its_dimensions(board):
    page = re.sub(r"\s+", " ", render(board("digits")))
    assert "<small>dimension 5</small>" in page
    for cell in ("80.25", "21.50", "−101.75", "0.187", "14 of 16"):
        assert f"<td>{cell}</td>" in page
    assert "How likely the items are" not in render(board("one row"))


def test_what_people_name_is_escaped(board):
    page = without_plotly(render(board("texts")))
    assert "<script>alert" not in page
    assert "<up>" not in page
    assert page.count("&lt;script&gt;alert(&#39;x &amp; y&#39;)&lt;/script&gt;") > 8
    # Four scripts of our own: two of data, the library, the page's; no text closed one early.
    assert page.count("<script") == page.count("</script>") == 4


def words(page, name=""):
    """What a section says, or the head of the page, without tags and line breaks."""
    start = page.index(f'<section id="{name}">' if name else "<header>")
    end = page.index("</section>" if name else "</header>", start)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page[start:end]))


def test_the_first_screen_says_what_to_use_what_that_is_why_and_how_sure(board):
    head = words(render(board("folds")))
    for said in (
        "Use onehot 83.0 % 5-NN accuracy [81.9, 83.9]",
        "one-hot, scaled numbers",
        "It is better than all others",
        "5-NN accuracy: share of test items whose 5 nearest training items vote for the right",
        "Guessing gets 33.3 %. In brackets is its 95 % interval",
        "To use it: nearspace embed DATA --with onehot, in Python embed(data, &#34;onehot&#34;).",
    ):
        assert said.replace("&#34;", '"') in html.unescape(head), said
    assert "Guessing" not in words(render(board("unlabelled")))
    assert "nearspace embed DATA --with 'tfidf | l2'" not in render(board("texts")), "no summary"


def test_many_notes_are_folded_unless_one_tells_of_an_interruption(board):
    page = render(board("folds"))
    folded = page[page.index("<summary>4 more notes</summary>") : page.index("</aside>")]
    assert folded.count("<li>") == 4
    assert page[: page.index("4 more notes")].count("<li>Note") == 3
    assert "more notes" not in render(dataclasses.replace(board("folds"), interrupted=True))


def test_of_folds_the_page_says_that_all_items_test_and_what_is_of_the_first(board):
    page = render(board("folds"))
    assert "<span>all judged, in 5 folds</span><span>48 to fit on each time</span>" in page
    assert "to judge on" not in words(page)
    assert "The same 12 test items of the first fold" in words(page, "maps")
    near = words(page, "neighbours")
    assert "items of the first fold, and the items of the other folds nearest to each" in near
    assert "items of the other folds tell of every item" in words(page, "mistakes")
    assert "10 of 60 wrong" in words(page, "mistakes")
    assert "judged on the first fold alone" in words(page, "layers")
    assert "first fold" in words(page, "decoded")
    assert "first fold" in words(page, "alike")
    assert "fold" not in re.sub("folded|unfold", "", words(render(board("digits")), "maps"))


def test_long_names_of_classes_can_be_read_where_they_are_cut(board):
    page = render(board("folds"))
    name = "a class with quite a long name"
    assert page.count(f'title="{name}"') >= 2
    assert "<summary>The 10 items told wrong" in page


def test_a_fragment_is_stored_once(board):
    page = render(board("digits"))
    codes = [re.search('base64,(.*)"', text).group(1) for text in drawn(board("digits").shown)]
    assert {page.count(code) for code in codes[60:]} == {1}


def test_the_protocol_is_shown_whole(board):
    page = render(board("digits"))
    for value in ("1797", "stratified, duplicates together", "9f2c51d0", "2.13.0", "10,000"):
        assert f"<dd>{value}" in re.sub(r"\s+", " ", page).replace("<dd> ", "<dd>")
    assert "<pre>nearspace compare digits --random-state 0</pre>" in page
    for note in board("digits").notes:
        assert f"<li>{note}</li>" in page


def test_a_dozen_encoders_and_500_points_stay_small():
    rng = np.random.default_rng(0)
    labels = tuple(str(code) for code in rng.integers(0, 10, 500))
    neighbours = rng.integers(0, 400, (8, 6))
    rows = tuple(
        Result(f"encoder{at}", "items", 64, {"knn": Estimate(0.9, 0.89, 0.91)},
               Cost(1, 1, 10**-at, 4), exhibits=Exhibits(rng.normal(size=(500, 2)), neighbours))
        for at in range(12)
    )  # fmt: skip
    noise = rng.integers(0, 256, (900, 25, 25, 1)).astype(np.uint8)  # about 900 bytes each

    def thumbnails(start, stop):
        return Strip(Image((25, 25, 1)), noise[start:stop])

    board = Leaderboard(
        rows, {}, shown=thumbnails(0, 500), shown_target=Classes(labels), queries=thumbnails(0, 8),
        query_labels=labels[:8], gallery=thumbnails(500, 900), gallery_labels=labels[:400],
        spaces=tuple(row.spec for row in rows), similarity={"cka": np.full((12, 12), 1 / 3)},
    )  # fmt: skip
    page = without_plotly(render(board))
    assert page.count("data-figure=") == 14
    assert len(page) < 900 * 1000 + 400_000


def test_write_report_makes_the_folder_and_returns_the_file(board, tmp_path):
    path = write_report(board("one row"), tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == render(board("one row"))
    assert "<h1>tiny</h1>" in render(board("one row"))
    assert "<h1>mine &amp; yours</h1>" in render(Leaderboard((), {"name": "mine & yours"}))


def test_nothing_but_failures_still_gives_a_page():
    page = render(Leaderboard((Failure("bow", "bow eats texts, not images."),), {"name": "x"}))
    assert "bow eats texts, not images." in page
    assert "Nothing is recommended" in page


def test_mistakes_are_shown_class_by_class_and_item_by_item(board):
    truth = Classes(np.array(["cat", NASTY, "cat", "dog"]))
    test = Dataset(["a cat", "odd", "another cat", "a dog"], Text(), target=truth)
    told = np.array(["dog", "cat", "cat", "dog"])
    mistakes = mistakes_of("tfidf | l2", test, told)
    page = render(dataclasses.replace(board("texts"), mistakes=mistakes))
    assert "mistakes" in sections(page)
    shown = re.sub(r"\s+", " ", page[page.index('<section id="mistakes">') :])
    assert "2 of 4 wrong" in shown
    assert "cat <span>told as</span> dog" in shown
    assert NASTY not in page
    assert page.count('data-item="wrong:') == 2
    assert '<details class="wrong-items">' in page, "long texts are folded"
    right = dataclasses.replace(board("texts"), mistakes=mistakes_of("x", test, truth.values))
    assert "mistakes" not in sections(render(right))


def test_few_columns_come_first_and_texts_are_folded_without_a_script(board):
    page = render(board("digits"))
    head = page[page.index("<thead>") : page.index("</thead>")]
    assert head.count("<th scope") - head.count('class="more"') == 9
    for text in ("linear probe", "R-precision"):
        assert f'">{text}</th>' in head
    assert 'id="all-columns"' in page
    assert ":has(#all-columns:checked)) .more { display: none; }" in page
    assert '<details class="query"' not in page
    texts = render(board("texts"))
    assert texts.count('<details class="query"') == 3
    assert texts.count('<details class="query" open') == 1
    assert texts.count("<summary>by 1 more</summary>") == 3
    assert texts.count("<details") == texts.count("</details>")
    assert texts.count("<div") == texts.count("</div>")
