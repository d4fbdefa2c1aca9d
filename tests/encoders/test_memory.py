"""How much memory encoders take beside the items and their vectors: blocks, not copies."""

import json
import subprocess
import sys

import pytest

# A process of its own, whose peak the kernel can be asked to forget.
CHILD = """
import json, sys, time
from pathlib import Path
import numpy as np
from nearspace import embed, make
from nearspace.data import Dataset
from nearspace.data.dataset import as_dataset if False else None
"""
CHILD = """
import json, sys, time
from pathlib import Path
import numpy as np
import pandas as pd
from nearspace import load, make

def memory(line):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(text for text in lines if text.startswith(line)).split()[1]) * 1024

def measured(function):
    Path("/proc/self/clear_refs").write_text("5")
    before, start = memory("VmRSS"), time.perf_counter()
    result = function()
    return result, memory("VmHWM") - before, time.perf_counter() - start

form, n, *specs = sys.argv[1:]
n, random = int(n), np.random.default_rng(0)
if form == "images":
    items = random.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
elif form == "vectors":
    items = random.standard_normal((n, 384))
elif form == "far":
    items = 1.7e9 + random.standard_normal((n, 384))
elif form == "float32":
    items = random.standard_normal((n, 768), dtype=np.float32)
else:
    items = pd.DataFrame({f"c{at}": random.standard_normal(n) for at in range(384)})
size = items.memory_usage().sum() if form == "table" else items.nbytes
labels = np.arange(n) % 3
for spec in specs:
    few = 3 * 64
    trained = make(spec).fit(items[:few], labels[:few])  # imports what it needs
    trained.transform(items[:few])
    fitted, fit, fit_s = None, 0, 0.0
    if "epochs" not in spec:
        fitted, fit, fit_s = measured(lambda: make(spec).fit(items, labels))
    vectors, held, held_s = measured(lambda: (fitted or trained).transform(items))
    print(json.dumps([spec, 1 + fit / size, fit_s, 1 + (held - vectors.nbytes) / size, held_s]), flush=True)
    del vectors, fitted
"""


def times_the_items(form, n, *specs):
    """Return for each spec how many times the items `fit` and `transform` hold, and seconds."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, form, str(n), *specs],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    n, form, *specs = sys.argv[1:]
    for spec, fit, fit_s, held, held_s in times_the_items(form, int(n), *specs):
        print(f"{form:8} {spec:34} fit {fit:5.2f} {fit_s:7.2f} s  transform {held:5.2f} {held_s:7.2f} s", flush=True)
