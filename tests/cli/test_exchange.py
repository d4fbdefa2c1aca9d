"""``nearspace export`` and ``nearspace import``, and judging what was imported."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nearspace.data import SAMPLES
from nearspace.space.file.store import write_part
from nearspace.space.formats import open_space, save
from nearspace.space.map.maps import layout
from nearspace.space.space import embed


def test_there_and_back_again(command):
    space = embed(SAMPLES["digits"]().take(np.arange(90)), "pca(dim=5)")
    save(space, "d.space")
    done = command("export", "d.space", "-o", "d.parquet")
    assert done.returncode == 0, done.stderr
    assert "90 items; id, label, image, vector." in done.stdout
    assert command("import", "d.parquet", "-o", "again.space").returncode == 0
    again = open_space("again.space")
    np.testing.assert_array_equal(again.vectors, space.vectors)
    assert again.recipe.fingerprint == space.recipe.fingerprint
    assert again.thumbnails[3] == space.thumbnails[3]
    done = command("sample", "again.space", "-o", "s.npy")
    assert done.returncode == 2
    assert "has no encoder" in done.stderr


def test_places_on_the_map_go_along(command):
    space = embed(SAMPLES["wine"](), "pca(dim=3)")
    save(space, "w.space")
    found = layout(space)
    write_part("w.space", "map", found.to_bytes())
    done = command("export", "w.space", "-o", "w.parquet")
    assert done.returncode == 0, done.stderr
    assert "178 items; id, label, x, y, vector." in done.stdout
    table = pq.read_table("w.parquet")
    places = np.stack([table["x"].to_numpy(), table["y"].to_numpy()], axis=1)
    np.testing.assert_array_equal(places, found.places)
    assert command("import", "w.parquet", "-o", "again.space").returncode == 0
    assert open_space("again.space").meta is None


def test_vectors_of_another_tool_are_searched_and_judged_but_embed_nothing(command):
    wine = SAMPLES["wine"]()
    columns = {
        "sku": [f"bottle {i}" for i in range(178)],
        "emb": wine.items.tolist(),
        "grape": wine.target.values.tolist(),
        "price": list(range(178)),
        "photo": [b"\x89PNG"] * 178,
    }
    pq.write_table(pa.table(columns), "w.parquet")
    done = command(
        "import", "w.parquet", "--ids", "sku", "--labels", "grape", "--made-by", "chemist",
        "-o", "w.space",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "178 vectors of 13, made by chemist" in done.stdout
    assert "Known of each: labels, price." in done.stdout
    assert "Left out, as they hold vectors or bytes: photo." in done.stdout
    done = command("analogy", "w.space", "bottle 1", "bottle 2", "bottle 3", "-k", "2")
    assert done.stdout.count("bottle") == 2
    done = command("compare", "w.space", "--with", "l2", "-o", "out")
    assert done.returncode == 0, done.stderr
    rows = json.loads((command.folder / "out" / "report.json").read_text())["rows"]
    assert {row["spec"] for row in rows} == {"raw", "raw | scale", "l2", "chance"}
    done = command("import", "w.parquet", "--ids", "price", "--made-by", "x", "--to", "w.space")
    assert "fingerprint" in done.stderr
    np.save("w.npy", wine.items)
    done = command("import", "w.npy", "--made-by", "chemist", "--to", "w.space")
    assert "ids that are text, got integer; name the column of ids by --ids." in done.stderr
    again = ("--ids", "sku", "--labels", "grape", "--made-by", "chemist", "--to", "w.space")
    done = command("import", "w.parquet", *again)
    assert "0 new, 0 changed, 178 as they were." in done.stdout
    done = command("add", "wine", "--to", "w.space")
    assert done.returncode == 2
    assert "cannot embed anything new" in done.stderr


def test_judging_says_that_the_fit_has_seen_the_items(command):
    save(embed(SAMPLES["wine"](), "pca(dim=3)"), "w.space")
    done = command("compare", "w.space", "--with", "l2", "-o", "out")
    assert "was fitted on these very items" in done.stderr.replace("\n", " ")
    done = command("compare", "w.space", "--with", "l2", "--size", "8")
    assert done.returncode == 2
    assert "read without --size" in done.stderr
    done = command("compare", "w.space", "--with", "l2", "--labels", "labl")
    assert "Did you mean 'label'?" in done.stderr


def test_mistakes_are_told_in_a_sentence(command):
    save(embed(SAMPLES["wine"](), "raw"), "w.space")
    (command.folder / "text.parquet").write_text("no Parquet")
    for arguments, told in (
        (("export", "w.space", "-o", "w.csv"), ".parquet or .npz"),
        (("export", "v.space", "-o", "w.npz"), "v.space"),
        (("import", "text.parquet", "-o", "t.space"), "text.parquet is damaged"),
        (("import", "absent.npz", "-o", "t.space"), "absent.npz"),
        (("import", "text.parquet", "-o", "t.parquet"), "ending .space"),
        (("import", "text.parquet"), "say where to"),
    ):
        done = command(*arguments)
        assert done.returncode == 2
        assert told in done.stderr
        assert not (command.folder / "t.space").exists()
