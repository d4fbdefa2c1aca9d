"""What texts and files stand for when a space is searched by them."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nearspace import embed, load, neighbours
from nearspace.errors import DataError, NearspaceError
from nearspace.space.search.queries import answer_rows, answers_json, items_named, read_queries
from nearspace.space.space import Space


def test_a_text_is_itself_and_a_file_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentences = load("sentences")
    space = embed(sentences, "tfidf | pca(dim=4)")
    (tmp_path / "two.txt").write_text("\n".join(sentences.items[3:5]))
    asked = read_queries(space, [sentences.items[7], "two.txt", "qwertyuiop"])
    assert asked.names == [sentences.items[7], "two.txt: 0", "two.txt: 1", "qwertyuiop"]
    np.testing.assert_allclose(asked.vectors[:3], space.vectors[[7, 3, 4]], atol=1e-6)
    assert len(asked.notes) == 1
    assert "No word of 'qwertyuiop' is known" in asked.notes[0]
    pd.DataFrame({"said": sentences.items[5:7]}).to_json("two.jsonl", orient="records", lines=True)
    assert read_queries(space, ["two.jsonl"]).names == ["two.jsonl: 0", "two.jsonl: 1"]
    pd.DataFrame({"said": sentences.items[5:7], "as": sentences.items[:2]}).to_csv("two.csv")
    with pytest.raises(DataError, match="texts, 'said', 'as': say by column="):
        read_queries(space, ["two.csv"])
    np.testing.assert_allclose(
        read_queries(space, ["two.csv"], "said").vectors, space.vectors[5:7], atol=1e-6
    )


def test_an_image_is_read_in_the_shape_of_the_others_and_known_by_its_name(tmp_path):
    random = np.random.default_rng(0)
    for index in range(6):
        pixels = random.integers(0, 255, (9, 8, 3), dtype=np.uint8)
        (tmp_path / "p" / "a").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "p" / "a" / f"{index}.png")
    space = embed(load(tmp_path / "p"), "raw")
    asked = read_queries(space, [str(tmp_path / "p" / "a" / "2.png")])
    assert items_named(space, asked).ids.tolist() == ["a/2.png"]
    assert neighbours(space, asked.vectors, 1).ids.tolist() == [["a/2.png"]]
    found = neighbours(space, items_named(space, asked), 6, exclude_self=True)
    assert "a/2.png" not in found.ids
    (tmp_path / "x.png").write_bytes((tmp_path / "p" / "a" / "2.png").read_bytes())
    with pytest.raises(DataError, match="none is named like"):
        items_named(space, read_queries(space, [str(tmp_path / "x.png")]))
    with pytest.raises(DataError, match="There is no file 'holiday"):
        read_queries(space, ["holiday.jpg"])


def test_a_space_without_encoder_embeds_no_query():
    space = embed(load("wine"), "raw")
    with pytest.raises(NearspaceError, match="has no encoder"):
        read_queries(Space(space.vectors, space.ids, None, space.recipe), ["x.csv"])


def test_answers_tell_what_is_known():
    space = embed(load("sentences"), "tfidf")
    found = neighbours(space, [7, 9], 2)
    answers = answer_rows(space, found)
    assert [[row["id"] for row in rows] for rows in answers] == found.ids.tolist()
    assert answers[1][0] == {
        "rank": 1, "score": 1.0, "id": 9, "label": space.labels[9],
        "text": space.meta["text"][9].as_py(),
    }  # fmt: skip
    assert '"query": "b"' in answers_json(["a", "b"], answers, found)
