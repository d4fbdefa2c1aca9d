"""``nearspace decode``, ``sample``, ``interpolate`` and ``analogy`` as a user meets them."""

import json
import wave

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nearspace import load
from nearspace.data import SAMPLES
from nearspace.space.decode import decode
from nearspace.space.formats import open_space, save
from nearspace.space.space import embed


@pytest.fixture
def digits(command):
    space = embed(SAMPLES["digits"]().take(np.arange(120)), "pca(dim=6)")
    save(space, command.folder / "d.space")
    return space


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("decode", "--id", "3", "--id", "7"), 2),
        (("sample", "-n", "5"), 5),
        (("interpolate", "3", "7", "-n", "4"), 4),
        (("interpolate", "3", "7", "--how", "spherical"), 9),
    ],
)
def test_items_are_written_as_a_picture_and_as_arrays(command, digits, arguments, count):
    name, *rest = arguments
    for output in ("o.png", "o.npy", "o.npz"):
        done = command(name, "d.space", *rest, "-o", output)
        assert done.returncode == 0, done.stderr
        assert f"{output}: {count} items decoded" in done.stdout
    archive = np.load(command.folder / "o.npz")
    np.testing.assert_array_equal(archive["items"], np.load(command.folder / "o.npy"))
    decoded = digits.encoder.inverse_transform(archive["vectors"])
    np.testing.assert_allclose(archive["items"], decoded, atol=1e-5)
    assert archive["items"].shape == (count, 8, 8, 1)
    with Image.open(command.folder / "o.png") as picture:
        assert picture.mode == "L"
    again = command("decode", "d.space", "--vectors", "o.npz", "-o", "again.npy")
    assert again.returncode == 0, again.stderr
    np.testing.assert_allclose(np.load(command.folder / "again.npy"), decoded, atol=1e-5)


@pytest.mark.trains
def test_sample_says_from_what_it_drew(command):
    save(embed(SAMPLES["digits"]().take(np.arange(120)), "vae(dim=2, epochs=1)"), "v.space")
    done = command("sample", "v.space", "-n", "3", "-o", "s.png")
    assert "a mixture of 6 Gaussians fitted to the vectors" in done.stdout
    done = command("sample", "v.space", "-n", "3", "--from", "prior", "-o", "s.png")
    assert "Drawn from the prior of vae(dim=2, epochs=1)." in done.stdout


@pytest.mark.trains
def test_texts_are_written_on(command):
    texts = [f"the {name}" for name in ("cat", "dog", "boat")] * 8
    dataset = load(texts)
    save(embed(dataset, "transformer(dim=16, depth=1, epochs=1)"), "w.space")
    done = command("sample", "w.space", "--prompt", "the", "-n", "2", "--length", "3")
    assert done.returncode == 0, done.stderr
    expected = open_space("w.space").encoder.sample("the", 2, length=3, random_state=0)
    assert done.stdout == "\n".join(expected) + "\n"
    done = command("sample", "w.space", "-o", "w.txt", "--length", "3", "--temperature", "0")
    assert "w.txt: 1 text written." in done.stdout
    assert (command.folder / "w.txt").read_text().endswith("\n")
    for arguments, told in (
        (("--prompt", "the whale"), "holds 'whale', which is none of the words"),
        (("--prompt", "the", "-o", "w.png"), "written into a file ending .txt"),
        (("-o", "w.npy"), "which does not decode"),
        (("-o", "w.doc"), "ending .png, .npy, .npz, .csv, .wav or .txt"),
    ):
        done = command("sample", "w.space", *arguments)
        assert (done.returncode, told in done.stderr) == (2, True), done
    save(embed(dataset, "transformer(dim=16, depth=1, epochs=1, objective='masked')"), "m.space")
    assert "learnt by objective='masked'" in command("sample", "m.space").stderr
    save(embed(dataset, "tfidf"), "t.space")
    done = command("sample", "t.space", "--prompt", "the")
    assert (done.returncode, "writes no texts" in done.stderr) == (2, True)


def test_vectors_of_vectors_decode_to_arrays(command):
    wine = SAMPLES["wine"]()
    save(embed(wine, "pca(dim=13)"), "w.space")
    done = command("decode", "w.space", "--id", "5", "-o", "w.npy")
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load("w.npy")[0], wine.items[5], rtol=1e-3, atol=1e-3)


def test_analogy_answers_as_search_does(command, digits):
    done = command("analogy", "d.space", "1", "2", "2", "-k", "3", "--metric", "euclidean")
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["rank", "distance", "id", "label"]
    assert len(rows) == 3
    for row in rows:
        _, _, name, label = row.split()
        assert digits.labels[digits.position(name)] == int(label)
    done = command("analogy", "d.space", "1", "2", "2", "-k", "3", "--json")
    (answer,) = json.loads(done.stdout)
    assert (answer["query"], answer["metric"]) == ("2 - 1 + 2", "euclidean")
    assert [row["rank"] for row in answer["neighbours"]] == [1, 2, 3]


def test_analogy_shows_texts(command):
    save(embed(SAMPLES["sentences"]().take(np.arange(30)), "tfidf"), "t.space")
    done = command("analogy", "t.space", "0", "1", "2", "-k", "2")
    assert done.stdout.splitlines()[0].split() == ["rank", "cosine", "id", "label", "text"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("decode", "d.space", "-o", "o.png"), "by --id (several times) or --vectors"),
        (
            ("decode", "d.space", "--id", "3", "-o", "o.gif"),
            "ending .png, .npy, .npz, .csv or .wav",
        ),
        (("decode", "d.space", "--id", "x3", "-o", "o.png"), "no item 'x3'"),
        (("decode", "d.space", "--vectors", "a.npy", "-o", "o.png"), "a.npy"),
        (("decode", "t.space", "--id", "3", "-o", "o.npy"), "nothing decodes its vectors"),
        (("decode", "w.space", "--id", "3", "-o", "o.png"), "of which there is no picture"),
        (("sample", "d.space", "--from", "prior", "-o", "o.png"), "was not trained to match"),
        (("interpolate", "d.space", "3", "7", "--how", "arc", "-o", "o.png"), "no way 'arc'"),
        (("analogy", "d.space", "3", "7", "4", "--metric", "cosin"), "Did you mean 'cosine'?"),
    ],
)
def test_mistakes_are_told_in_a_sentence(command, digits, arguments, told):
    save(embed(SAMPLES["wine"](), "pca(dim=2)"), "w.space")
    save(embed(SAMPLES["wine"](), "random"), "t.space")
    done = command(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not list(command.folder.glob("o.*"))


@pytest.mark.trains
def test_rows_of_a_table_decode_to_rows(command):
    customers = SAMPLES["customers"]()
    space = embed(customers, "entity(objective='denoising', dim=4, hidden=(16,), epochs=2)")
    save(space, command.folder / "c.space")
    for name, *rest in (
        ("decode", "--id", "3", "--id", "7"),
        ("interpolate", "3", "7", "-n", "4"),
        ("sample", "-n", "5"),
    ):
        done = command(name, "c.space", *rest, "-o", "rows.csv")
        assert done.returncode == 0, done.stderr
        rows = pd.read_csv(command.folder / "rows.csv")
        assert f"rows.csv: {len(rows)} rows decoded." in done.stdout
        assert [*rows.columns[-7:]] == [*customers.items.columns]
        assert {*rows["plan"].dropna()} <= {*customers.items["plan"].dropna()}
        assert rows["income"].dropna().between(*customers.items["income"].quantile([0, 1])).all()
        if name == "decode":
            assert rows["id"].tolist() == [3, 7]
    assert isinstance(decode(space, space.vectors[0]), pd.Series)
    done = command("decode", "c.space", "--id", "3", "-o", "rows.npy")
    assert "decodes to a table of 7 columns; write .csv." in done.stderr
    done = command("split", "c.space")
    assert "Codes are of images and vectors, and this space is one of tables" in done.stderr


@pytest.mark.trains
def test_series_and_sounds_decode_to_what_is_read_again(command):
    for name in ("gestures", "vowels"):
        made = command(
            "embed", name, "--with", "autoencoder(dim=8, epochs=1)", "-o", f"{name}.space"
        )
        assert made.returncode == 0, made.stderr
    done = command("decode", "gestures.space", "--id", "3", "--id", "7", "-o", "moved.npy")
    assert "moved.npy: 2 items decoded, of shape (3," in done.stdout
    again = load(command.folder / "moved.npy", kind="series").items
    space = open_space(command.folder / "gestures.space")
    for read, item in zip(again, decode(space, space.vectors[[3, 7]]), strict=True):
        np.testing.assert_array_equal(read, item)
    done = command("sample", "vowels.space", "-n", "3", "-o", "three.wav")
    assert "three.wav: 3 sounds decoded" in done.stdout, done.stderr
    with wave.open(str(command.folder / "three.wav")) as file:
        assert file.getframerate() == 8000
        assert file.getnframes() > 3 * 4000
    refused = command("decode", "vowels.space", "--id", "3", "-o", "one.csv")
    assert "decodes to sounds of 8,000 samples a second; write .wav." in refused.stderr
