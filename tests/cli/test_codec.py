"""``nearspace pack``, ``unpack``, ``split`` and ``rates`` as a user meets them."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

from nearspace.cli.app import app
from nearspace.errors import NearspaceError
from nearspace.space.pictures import file_names, write_pngs

pytestmark = pytest.mark.trains

ANYTHING = [
    "../../up", "/etc/passwd", "..", ".", "", "a/../../b", "line\nbreak", "nul", "CON.jpg", "a\\b",
    "x" * 5000, "🙂" * 500, "cat/1.jpg", "cat/1.png", "Cat/1.JPG", "cat", "cat.png/2", "a/" * 100,
    "trailing. ", "tab\t", "\x00", "\ud800", 7, -1, "é", "e\u0301",
]  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run commands in an empty folder with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments):
        return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "160"})

    return run


@pytest.fixture
def photos(tmp_path):
    """A folder of small pictures in two subfolders."""
    rng = np.random.default_rng(0)
    for at in range(30):
        folder = tmp_path / "photos" / ("dark" if at % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        shade = rng.integers(0, 80) + 150 * (1 - at % 2)
        Pillow.new("RGB", (16, 16), (int(shade), 40, 40)).save(folder / f"{at}.png")
    return tmp_path / "photos"


def test_photos_go_through_the_codes_and_keep_their_names(run, photos, tmp_path):
    assert run("embed", photos, "--with", "pca(dim=4)", "-o", "photos.space").exit_code == 0
    done = run("pack", photos, "--with", "photos.space", "-o", "photos.codes")
    assert done.exit_code == 0, done.output
    assert "now holds its codec" in done.stderr
    assert run("split", "photos.space").exit_code == 0
    done = run("unpack", "photos.codes", "--with", "photos.decoder.space", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "30 items" in done.stdout
    for path in photos.rglob("*.png"):
        again = np.asarray(Pillow.open(tmp_path / "out" / path.relative_to(photos)))
        assert np.abs(again.astype(int) - np.asarray(Pillow.open(path))).mean() < 20
    done = run("pack", photos, "--with", "photos.encoder.space", "-o", "again.codes")
    assert done.exit_code == 0
    assert "codec" not in done.stderr
    done = run("pack", photos, "--with", "photos.space", "--without-ids", "-o", "bare.codes")
    assert (tmp_path / "bare.codes").stat().st_size < (tmp_path / "photos.codes").stat().st_size


def test_a_half_without_a_decoder_does_not_know_what_is_lost(run, photos):
    made = run("embed", photos, "--with", "autoencoder(dim=4, epochs=1)", "-o", "a.space")
    assert made.exit_code == 0
    assert "PSNR" in run("pack", photos, "--with", "a.space", "-o", "a.codes").stdout
    assert run("split", "a.space").exit_code == 0
    done = run("pack", photos, "--with", "a.encoder.space", "-o", "b.codes")
    assert "not known to the half without the decoder" in done.stdout


def test_pack_says_what_is_lost_and_what_was_asked_for(run, photos, tmp_path):
    run("embed", "wine", "--with", "pca(dim=4)", "-o", "w.space")
    done = run("pack", "wine", "--with", "w.space", "-o", "w.codes").stdout
    assert "Error 0.54 % of the spread; without rounding 0.53 % of the spread." in done
    assert "Asked" not in done
    run("unpack", "w.codes", "--with", "w.space", "-o", "w.npz")
    with np.load(tmp_path / "w.npz") as found:
        assert len(np.unique(found["items"], axis=0)) > 170
    done = run("pack", "wine", "--with", "w.space", "--bits", 0.1, "-o", "w.codes").stdout
    assert "Asked were 0.1; the coarsest step takes 1." in done
    done = run("pack", "wine", "--with", "w.space", "--bits", 1000, "-o", "w.codes").stdout
    assert "Asked were 1000; the finest step takes 2" in done
    run("embed", photos, "--with", "pca(dim=4)", "-o", "p.space")
    done = run("pack", photos, "--with", "p.space", "--bits", 20, "-o", "p.codes").stdout
    assert "with ids and head." in done
    assert "Nothing is lost." in done  # they are shades of one colour
    run("embed", "digits", "--with", "pca(dim=4)", "-o", "d.space")
    done = run("pack", "digits", "--with", "d.space", "-o", "d.codes").stdout
    assert "PSNR 13." in done
    assert "dB; without rounding 14." in done


def test_without_the_coder_nothing_is_written(run, photos, tmp_path, monkeypatch):
    run("embed", photos, "--with", "pca(dim=4)", "-o", "p.space")
    before = (tmp_path / "p.space").read_bytes()
    monkeypatch.setattr("nearspace.space.codec.levels.importlib.util.find_spec", lambda name: None)
    error = run("pack", photos, "--with", "p.space", "-o", "p.codes").exception
    assert "constriction" in str(error) or "codec" in str(error)
    assert (tmp_path / "p.space").read_bytes() == before


def test_images_unpack_into_an_archive_too(run, photos, tmp_path):
    run("embed", photos, "--with", "pca(dim=4)", "-o", "p.space")
    run("pack", photos, "--with", "p.space", "-o", "p.codes")
    assert run("unpack", "p.codes", "--with", "p.space", "-o", "p.npz").exit_code == 0
    with np.load(tmp_path / "p.npz") as found:
        assert found["items"].shape == (30, 16, 16, 3)


def test_vectors_unpack_into_an_archive(run, tmp_path):
    assert run("embed", "wine", "--with", "pca(dim=6)", "-o", "w.space").exit_code == 0
    assert run("pack", "wine", "--with", "w.space", "--bits", "40", "-o", "w.codes").exit_code == 0
    assert run("unpack", "w.codes", "--with", "w.space", "-o", "w.npz").exit_code == 0
    with np.load(tmp_path / "w.npz") as found:
        assert found["items"].shape == (178, 13)
        assert found["ids"].tolist() == list(range(178))


def test_mistakes_are_one_sentence(run, photos, tmp_path):
    run("embed", photos, "--with", "pca(dim=4)", "-o", "p.space")
    run("embed", photos, "--with", "hog", "-o", "hog.space")
    run("pack", photos, "--with", "p.space", "-o", "p.codes")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    mistakes = [
        (("pack", photos, "--with", "hog.space", "-o", "x.codes"), "does not decode"),
        (("pack", photos, "--with", "p.space", "-o", "x.zip"), "ending .codes"),
        (("pack", "wine", "--with", "p.space", "-o", "x.codes"), "image"),
        (("unpack", "p.space", "--with", "p.space", "-o", "out"), "no file of codes"),
        (("unpack", "none.codes", "--with", "p.space", "-o", "out"), "cannot be read"),
        (("unpack", "p.codes", "--with", "p.space", "-o", "full"), "not empty"),
        (("unpack", "p.codes", "--with", "p.space", "-o", "out.png"), "a folder for the images"),
        (("unpack", "p.codes", "--with", "p.space", "-o", "out", "--max-bytes", 10), "allowed"),
        (("split", "hog.space"), "does not decode"),
        (("rates", "wine", "--with", "pca"), "Images"),
        (("rates", "digits", "--with", "hog"), "does not decode"),
    ]
    for arguments, words in mistakes:
        error = run(*arguments).exception
        assert isinstance(error, NearspaceError), arguments
        assert words in str(error)


def test_names_stay_inside_and_apart(tmp_path):
    names = file_names(ANYTHING)
    assert len({str(name).casefold() for name in names}) == len(ANYTHING)
    assert not any(".." in name.parts or name.is_absolute() for name in names)
    images = np.zeros((len(ANYTHING), 4, 4, 1), dtype=np.uint8)
    written = write_pngs(images, ANYTHING, tmp_path / "out")
    assert all(path.resolve().is_relative_to(tmp_path / "out") for path in written)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == len(ANYTHING)


def test_interrupted_rates_say_what_is_kept(run, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("nearspace.judge.studies.rates.measure_rates", interrupted)
    done = run("rates", "digits", "--with", "pca(dim=4)", "-o", "r")
    assert done.exit_code == 130
    assert "encoders that were fitted are kept" in done.stderr
    assert not (tmp_path / "r").exists()
    done = run("rates", "digits", "--with", "pca(dim=4)", "--no-cache")
    assert "are kept" not in done.stderr


def test_rates_prints_a_table_and_writes_a_page(run, tmp_path):
    done = run("rates", "digits", "--with", "autoencoder(dim=4, epochs=2)", "-o", "r")
    assert done.exit_code == 0, done.output
    assert "At " in done.stdout
    assert "PCA codes" in done.stdout
    assert "<html" in (tmp_path / "r" / "rates.html").read_text()
    found = json.loads((tmp_path / "r" / "rates.json").read_text())
    assert found["protocol"]["command"].startswith("nearspace ")
