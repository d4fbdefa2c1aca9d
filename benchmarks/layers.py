"""What every layer of an AlexNet is worth, on MNIST as published and on the Twemoji pictures.

NEARSPACE_DATA=… python benchmarks/layers.py [folder for the reports]
"""

import csv
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

MAIN = "from nearspace.cli import main; main()"
SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}


def write_twemoji(source, path):
    """Write pictures on white, their group of emoji, and what they are but for the skin tone."""
    with open(source / "captions.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    pictures = []
    with zipfile.ZipFile(source / "png72.zip") as archive:
        for row in rows:
            picture = Image.open(io.BytesIO(archive.read(f"png72/{row['file']}"))).convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            pictures.append(np.asarray(Image.alpha_composite(white, picture).convert("RGB")))
    emoji = [without_skin_tone(row["codepoints"]) for row in rows]
    np.savez(path, images=np.stack(pictures), group=[row["group"] for row in rows], emoji=emoji)


def without_skin_tone(codepoints):
    kept = [code for code in codepoints.split() if code not in SKIN_TONES]
    return " ".join(kept) or codepoints


def layers(source, folder, *options):
    command = [sys.executable, "-c", MAIN, "layers", str(source), "--with", "alexnet"]
    subprocess.run([*command, "--no-cache", "-o", str(folder), *options], check=True)


def main():
    data = Path(os.environ["NEARSPACE_DATA"])
    with tempfile.TemporaryDirectory() as temporary:
        reports = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        layers(data / "mnist", reports / "mnist")
        twemoji = Path(temporary) / "twemoji.npz"
        write_twemoji(data / "twemoji", twemoji)
        roles = ("--column", "images", "--labels", "group", "--groups", "emoji")
        layers(twemoji, reports / "twemoji", *roles)


if __name__ == "__main__":
    main()
