"""``nearspace map``: a page is written, the map is kept, and what is added is placed on it."""

import json

import numpy as np
import pandas as pd
import pytest

from nearspace import embed, load
from nearspace.space.file.store import add, write_part
from nearspace.space.formats import open_space, save
from nearspace.space.map.maps import parse_map


def test_a_map_is_written_kept_and_grows(command):
    digits = load("digits")
    space = embed(digits.take(range(500)), "pca(dim=8)")
    path = save(space, command.folder / "digits.space")
    done = command("map", "digits.space", "-o", "map.html")
    assert done.returncode == 0, done.stderr
    assert "Trustworthiness 0.9" in done.stdout
    assert "clusters" in done.stdout
    assert "near-duplicates" in done.stdout
    assert "page-data" in (command.folder / "map.html").read_text(encoding="utf-8")
    kept = parse_map(open_space(path).parts["map"])
    add(path, embed(digits.take(range(500, 520)), space.encoder))
    done = command("map", "digits.space", "-o", "map.html")
    assert "20 placed since." in done.stdout
    grown = parse_map(open_space(path).parts["map"])
    np.testing.assert_array_equal(grown.places[:500], kept.places)
    write_part(path, "map", b"junk")
    done = command("map", "digits.space", "-o", "map.html")
    assert done.returncode == 0, done.stderr
    assert "cannot be read" in done.stderr
    assert parse_map(open_space(path).parts["map"]).laid_out.all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no.space", "-o", "map.html"], "no.space"),
        (["text.space", "-o", "map.html"], "text.space"),
        (["text.space", "-o", "map.png"], "ending .html or .csv"),
        (["text.space", "-o", "map.csv", "--open"], "end it in .html"),
        (["text.space", "-o", "map.html", "--agian"], "--again"),
    ],
)
def test_mistakes_are_told_in_a_sentence(command, arguments, told):
    (command.folder / "text.space").write_text("this is no space")
    done = command("map", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_map_of_few_among_which_many_were_placed_says_so(command):
    digits = load("digits")
    space = embed(digits.take(range(9)), "pca(dim=4)")
    path = save(space, command.folder / "digits.space")
    assert "note" not in command("map", "digits.space", "-o", "map.html").stderr
    add(path, embed(digits.take(range(9, 200)), space.encoder))
    done = command("map", "digits.space", "-o", "map.html")
    assert "191 items were placed among the 9 that were laid out" in done.stderr
    assert "note" not in command("map", "digits.space", "-o", "map.html", "--again").stderr


def test_places_and_clusters_are_written_and_the_words_of_each_cluster_told(command):
    random = np.random.default_rng(0)
    topics = (["river", "boat", "water", "fish"], ["engine", "oil", "piston", "wheel"])
    texts = ["the " + " ".join(random.choice(of, 6)) for of in topics for _ in range(40)]
    labels = ["wet", "dry"] * 40
    save(embed(load(texts, labels=labels), "tfidf"), command.folder / "t.space")
    done = command("map", "t.space", "-o", "made/", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    named = [of["words"] for of in told["clusters"]]
    assert all(set(words) < set(topics[0]) or set(words) < set(topics[1]) for words in named)
    assert len({words[0] in topics[0] for words in named}) == 2
    assert sum(of["size"] for of in told["clusters"]) <= told["items"] == 80
    assert told["metric"] == "cosine"
    assert "page-data" in (command.folder / "made" / "map.html").read_text(encoding="utf-8")
    frame = pd.read_csv(command.folder / "made" / "map.csv")
    assert frame["id"].tolist() == list(range(80))
    assert frame["label"].tolist() == labels
    kept = parse_map(open_space(command.folder / "t.space").parts["map"])
    np.testing.assert_allclose(frame[["x", "y"]], kept.places, rtol=1e-5)
    first = frame[frame["cluster"] == 1]
    assert len(first) == told["clusters"][0]["size"]
    assert first["name"].str.startswith(told["clusters"][0]["words"][0]).all()
    done = command("map", "t.space", "-o", "only.csv")
    assert "Written: only.csv" in done.stdout
    assert not (command.folder / "only.html").exists()
