"""A column of numbers as labels, on the command line."""

import json

import numpy as np
import pandas as pd


def test_a_column_of_prices_is_compared_on_the_command_line(tmp_path, command):
    rng = np.random.default_rng(0)
    size, rooms = rng.uniform(20, 200, 240), rng.integers(1, 7, 240)
    town = rng.choice(["Oslo", "Rome"], 240)
    price = 3000.5 * size + 40000 * (town == "Oslo") + rng.normal(0, 9000, 240)
    frame = pd.DataFrame({"size": size, "rooms": rooms, "town": town, "price": price})
    frame.to_csv(tmp_path / "homes.csv", index=False)
    result = command(
        "compare", tmp_path / "homes.csv", "--labels", "price", "--with", "onehot | pca(dim=2)",
        "-o", tmp_path / "out", "--no-cache",
    )  # fmt: skip
    assert "5-NN R²" in result.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    best = next(row for row in report["rows"] if row["verdict"] == "best")
    assert best["scores"]["knn_r2"]["value"] > 0.5
    assert 1000 < best["scores"]["knn_mae"]["value"] < 90000
