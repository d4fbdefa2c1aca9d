"""Unix seconds and numbers of every scale, through the commands."""

import json

import numpy as np
import pandas as pd
import pytest

CLASSES = np.repeat([0, 1, 2], 60)


def rows(offset, scale):
    values = 0.5 * np.random.default_rng(0).standard_normal((180, 3))
    return offset + scale * (values + 4 * CLASSES[:, None] * [1, -1, 0])


@pytest.mark.parametrize(
    ("ending", "offset", "scale"),
    [
        ("npz", 1.7e9, 1.0),
        ("csv", 1.7e9, 1.0),
        ("parquet", 5e6, 0.02),
        ("npz", 0.0, 1e19),
        ("csv", 0.0, 1e-30),
    ],
)
def test_compare_tells_the_classes_apart(command, ending, offset, scale):
    frame = pd.DataFrame(rows(offset, scale), columns=["a", "b", "c"]).assign(y=CLASSES)
    if ending == "npz":
        np.savez("rows.npz", X=frame[["a", "b", "c"]].to_numpy(), y=CLASSES)
    elif ending == "csv":
        frame.to_csv("rows.csv", index=False)
    else:
        frame.to_parquet("rows.parquet")
    asked = ("--with", "raw", "--with", "raw | pca(dim=3)")
    done = command("compare", f"rows.{ending}", "--labels", "y", *asked)
    assert done.returncode == 0
    report = json.loads((command.folder / "report.json").read_text())
    told = {
        row["spec"]: row["scores"]["knn"]["value"]
        for row in report["rows"]
        if row["spec"] != "chance" and "knn" in row["scores"]  # trees have no vectors
    }
    assert told["raw"] == told["raw | pca(dim=3)"] == 1


def test_search_finds_what_float64_would(command):
    values = rows(1.7e9, 1.0)
    np.save("rows.npy", values)
    np.save("asked.npy", values[7:8])
    assert command("embed", "rows.npy", "--with", "raw", "-o", "rows.space").returncode == 0
    done = command(
        "search", "rows.space", "asked.npy", "-k", "4", "--metric", "euclidean", "--json"
    )
    (answer,) = json.loads(done.stdout)
    far = np.sqrt(((values - values[7]) ** 2).sum(axis=1))
    assert [row["id"] for row in answer["neighbours"]] == np.argsort(far)[:4].tolist()
    np.testing.assert_allclose(
        [row["score"] for row in answer["neighbours"]], np.sort(far)[:4], rtol=1e-5
    )


def test_what_cannot_be_kept_is_told(command):
    two_sorts = rows(0.0, 1.0)
    two_sorts[np.random.default_rng(0).random(180) < 0.5] += 1.7e9
    np.savez("rows.npz", X=two_sorts, y=CLASSES)
    done = command("compare", "rows.npz", "--labels", "y", "--with", "raw")
    assert "Raw input is kept in float32, which makes about" in " ".join(done.stderr.split())
