"""Queries made from texts: first sentences and titles, and what cannot be parted."""

import pandas as pd
import pytest

from nearspace.data import load
from nearspace.data.known_items import known_items
from nearspace.errors import DataError


def made(texts, **options):
    pairs = known_items(load(texts, kind="text"), **options)
    return {
        (pairs.left.items[query], pairs.right.items[document]) for query, document in pairs.links
    }, pairs


@pytest.mark.parametrize(
    ("text", "query", "rest"),
    [
        ("The cat sat there. It was warm and dry.", "The cat sat there.", "It was warm and dry."),
        ("Did the cat sit?! \"Yes,\" she said.", "Did the cat sit?!", '"Yes," she said.'),
        ("No. 5 is the best. The rest is worse.", "No. 5 is the best.", "The rest is worse."),
        ("A title without a stop\nThe body of it", "A title without a stop", "The body of it"),
        ("Version 2.0 came late. All were happy.", "Version 2.0 came late.", "All were happy."),
        ("猫はいつもそこにいました。とても暖かい場所でした。", "猫はいつもそこにいました。", "とても暖かい場所でした。"),  # noqa: E501
        ("كان القط يجلس هناك؟ كان المكان دافئا.", "كان القط يجلس هناك؟", "كان المكان دافئا."),
        ("🐈🐈 sat on the mat! 🐕 barked at night.", "🐈🐈 sat on the mat!", "🐕 barked at night."),
    ],
)  # fmt: skip
def test_the_first_sentence_asks_for_the_rest(text, query, rest):
    links, pairs = made([text, "One sentence that cannot be parted."])
    assert links == {(query, rest)}
    assert pairs.right.items[1] == "One sentence that cannot be parted."
    assert pairs.made_by == "the first sentence of a text"
    assert any("The queries are made from the texts" in note for note in pairs.notes)
    assert pairs.notes[-1].startswith("1 text is too short to be parted")


def test_titles_ask_for_texts():
    table = pd.DataFrame(
        {
            "Title": ["The lives of cats", "The lives of dogs", None],
            "body": [
                "They sleep all day long. So do I.",
                "They bark at night.",
                "Nobody knows this.",
            ],
        }
    )
    pairs = known_items(load(table, column="body"))
    assert pairs.left.items == ["The lives of cats", "The lives of dogs"]
    assert pairs.links.tolist() == [[0, 0], [1, 1]]
    assert len(pairs.right) == 3
    assert pairs.made_by == "the Title of a text"


def test_equal_texts_are_one_and_groups_stay():
    text = "The cat sat there. It was warm and dry."
    other = "The cat sat there. It was cold and wet."
    dataset = load([text, text, other], kind="text", groups=["a", "b", "c"])
    pairs = known_items(dataset)
    assert pairs.left.items == ["The cat sat there."]
    assert pairs.links.tolist() == [[0, 0], [0, 1]]
    assert pairs.left.groups.tolist() == ["a"]


def test_a_draw_depends_on_the_texts_alone():
    texts = [f"The cat number {n} sat there. It was warm on day {n}." for n in range(50)]
    some, pairs = made(texts, most=10)
    assert len(some) == 10
    assert len(pairs.right) == 50
    assert some == made(texts[::-1], most=10)[0]
    assert some != made(texts, most=10, random_state=1)[0]
    assert any("10 of 50 were drawn" in note for note in pairs.notes)


def test_what_makes_no_query_is_refused():
    with pytest.raises(DataError, match="expected texts of several sentences, or with titles"):
        known_items(load(["one", "two"], kind="text"))
    with pytest.raises(DataError, match="queries can be made from texts, got vectors"):
        known_items(load("wine"))
