"""What pretraining without labels is worth on MNIST, through the command that users run.

NEARSPACE_DATA=… python benchmarks/transfer.py

Prints the table of the command, then whether 100 labels with pretraining beat the same network
from scratch by 5 points, both trained on the images as they are, and what is left of that where
both are trained on random variations of them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = ["-c", "from nearspace.cli import main; main()", "transfer"]
LABELS, WANTED = 100, 0.05


def main():
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "transfer.json"
        source = os.environ["NEARSPACE_DATA"] + "/mnist"
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *COMMAND, source, "--with", "simclr(epochs=4)", "--no-cache",
             "-o", output],
            check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        rows = json.loads(output.read_text())["rows"]
    for varied in (False, True):
        compared = [
            row
            for row in rows
            if row["labels"] == LABELS and row["varied"] == varied
            if row["difference"] is not None and not row["way"].startswith("linear head on")
        ]
        best = max(compared, key=lambda row: row["scores"]["accuracy"]["value"])
        value, low = best["difference"]["value"], best["difference"]["low"]
        kept = "" if varied else "  yes" if value >= WANTED and low > 0 else "  NO"
        wanted = "" if varied else f"  >= {100 * WANTED:.0f} points, interval above 0{kept}"
        name = f"{best['way']} minus from scratch"
        print(f"{name:55s} {100 * value:+.1f} from {100 * low:+.1f}{wanted}")
    print(f"whole command: {seconds:.0f} s")


if __name__ == "__main__":
    main()
