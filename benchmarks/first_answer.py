"""How long `nearspace compare` takes to its first row, to the first five, and to the last.

python benchmarks/first_answer.py DATA [digits emoji penguins humor mnist]

DATA is a folder with twemoji, tables, humor and mnist in it, as their publishers made them. Without
names all but MNIST are timed, which takes minutes. Each is a fresh process without a cache, which
counts reading and imports; processor seconds are told beside, since a busy machine stretches the
others.
"""

import csv
import gzip
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

RUN = "from nearspace.cli import main; main()"
FIRST = 5


def emoji(data, folder):
    """Write the base emoji into a subfolder for each group, and return what to compare."""
    with (
        open(data / "twemoji" / "captions.tsv", encoding="utf-8") as captions,
        zipfile.ZipFile(data / "twemoji" / "png72.zip") as pictures,
    ):
        inside = {Path(name).name: name for name in pictures.namelist()}
        for row in csv.DictReader(captions, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["base"] == "1":
                group = folder / "emoji" / row["group"]
                group.mkdir(parents=True, exist_ok=True)
                (group / row["file"]).write_bytes(pictures.read(inside[row["file"]]))
    return [folder / "emoji"]


def humor(data, folder):
    """Write the first 4,000 texts, and return what to compare."""
    (source,) = (data / "humor").glob("*.csv.gz")
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.reader(file), range(4001), strict=False)]
    with open(folder / "humor.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return [folder / "humor.csv", "--column", "text", "--labels", "humor"]


SOURCES = {
    "digits": lambda data, folder: ["digits"],
    "emoji": emoji,
    "penguins": lambda data, folder: [data / "tables" / "penguins.csv", "--labels", "species"],
    "humor": humor,
    "mnist": lambda data, folder: [data / "mnist"],
}


def timed(arguments, folder):
    """Return when each row landed, when all was done, and the processor seconds."""
    command = [sys.executable, "-c", RUN, "compare", *map(str, arguments), "--no-cache"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        [*command, "-o", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        landed = [time.perf_counter() - start for line in process.stderr if line.endswith(" fit\n")]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return landed, time.perf_counter() - start, spent


def main():
    data, names = Path(sys.argv[1]), sys.argv[2:] or [name for name in SOURCES if name != "mnist"]
    print(
        f"{'seconds to':12s}{'first row':>10s}{f'first {FIRST}':>10s}{'all':>6s}{'processor':>11s}"
    )
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            landed, whole, spent = timed(SOURCES[name](data, Path(folder)), Path(folder))
        fifth = landed[min(FIRST, len(landed)) - 1]
        print(f"{name:12s}{landed[0]:10.1f}{fifth:10.1f}{whole:6.0f}{spent:11.0f}", flush=True)


if __name__ == "__main__":
    main()
