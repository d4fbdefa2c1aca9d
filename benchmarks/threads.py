"""What a busy neighbour does to the command, with its thread policy and without.

    python benchmarks/threads.py

Times a whole `compare` of the learned encoders in processes of its own: alone and beside one
process that keeps a core busy, with the command's thread policy and with PyTorch's default.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
ARGUMENTS = ["compare", "digits", "--no-cache", "--with", "autoencoder(epochs=8), cnn(epochs=8)"]
OURS = "from nearspace.cli import main; main()"
# The same with PyTorch's own threading: waiting threads spin, and small steps get all threads.
DEFAULT = (
    "import nearspace.learning.threads as threads; threads.SMALL_STEP = 0; "
    "from nearspace.cli.app import app; app()"
)
BUSY = "while True: pass"


def seconds(code):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code, *ARGUMENTS, "-o", folder],
            env=environment,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - start


def beside_a_neighbour(code):
    neighbour = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        return seconds(code)
    finally:
        neighbour.kill()
        neighbour.wait()


def main():
    seconds(OURS)  # warm the file cache
    found = {name: [] for name in ("ours", "ours, busy", "default", "default, busy")}
    for _ in range(ROUNDS):
        found["ours"].append(seconds(OURS))
        found["default"].append(seconds(DEFAULT))
        found["ours, busy"].append(beside_a_neighbour(OURS))
        found["default, busy"].append(beside_a_neighbour(DEFAULT))
    for name, times in found.items():
        print(f"{name:16s} {statistics.median(times):7.1f} s   {[round(t, 1) for t in times]}")

    def ratio(a, b):
        return statistics.median(x / y for x, y in zip(found[a], found[b], strict=True))

    print(f"ours: busy / alone      {ratio('ours, busy', 'ours'):5.2f} x  (wanted: at most 2.5)")
    print(f"default: busy / alone   {ratio('default, busy', 'default'):5.2f} x")
    print(f"alone: ours / default   {ratio('ours', 'default'):5.2f} x  (wanted: at most 1)")


if __name__ == "__main__":
    main()
