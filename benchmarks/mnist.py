"""The figures on MNIST, full published split, through the command that users run.

NEARSPACE_DATA=… python benchmarks/mnist.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPECS = "raw, pca(dim=32), pca(dim=6), cnn, simclr, autoencoder(dim=6)"
WANTED = [
    ("raw", "knn", ">=", 0.969),
    ("pca", "knn", ">=", 0.975),
    ("cnn", "knn", ">=", 0.990),
    ("simclr", "knn", ">=", 0.983),
    ("autoencoder(dim=6)", "reconstruction", "<=", 0.021),
    ("pca(dim=6)", "reconstruction", "<=", 0.0417),
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [
            "-c",
            "from nearspace.cli import main; main()",
            "compare",
            os.environ["NEARSPACE_DATA"] + "/mnist",
        ]
        subprocess.run(
            [sys.executable, *command, "--no-cache", "--with", SPECS, "-o", folder], check=True
        )
        seconds = time.perf_counter() - start
        rows = json.loads((Path(folder) / "report.json").read_text())["rows"]
    scores = {row["spec"]: row["scores"] for row in rows if "scores" in row}
    for spec, metric, sign, wanted in WANTED:
        value = scores[spec][metric]["value"]
        kept = value >= wanted if sign == ">=" else value <= wanted
        print(f"{spec:20s} {metric:15s} {value:.4f}  {sign} {wanted}  {'yes' if kept else 'NO'}")
    print(f"whole command: {seconds:.0f} s (wanted: at most 720 s)")


if __name__ == "__main__":
    main()
