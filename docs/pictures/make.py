"""Make the pictures of the pages: ``python docs/pictures/make.py``.

That of sentences is made where ``$NEARSPACE_DATA`` has ``tatoeba``; that of emoji is made by
``benchmarks/imagine.py --strip``.
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from nearspace import embed, layout, load, load_pairs, make

SIDE, MARGIN, DIGIT = (1600, 760), 24, 18  # pixels
COLOURS = np.array([
    [31, 119, 180], [255, 127, 14], [44, 160, 44], [214, 39, 40], [148, 103, 189],
    [140, 86, 75], [227, 119, 194], [110, 110, 110], [168, 169, 20], [23, 170, 190],
])  # fmt: skip


def digits_map() -> Image.Image:
    """Return the map of the digits, each drawn in the colour of its class at its place."""
    digits = load("digits")
    places = layout(embed(digits, "pca")).places
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.array(SIDE) - 2 * MARGIN - DIGIT
    corners = ((places - low) / (high - low) * room + MARGIN).astype(int)
    page = Image.new("RGB", SIDE, "white")
    for pixels, label, corner in zip(digits.items, digits.labels, corners, strict=True):
        ink = np.squeeze(pixels).astype(float) / np.max(pixels)
        colour = COLOURS[int(label)]
        drawn = Image.fromarray((255 - ink[..., None] * (255 - colour)).astype(np.uint8))
        drawn = drawn.resize((DIGIT, DIGIT), Image.Resampling.BICUBIC)
        box = (*corner, *(corner + DIGIT))
        page.paste(ImageChops.multiply(page.crop(box), drawn), box)
    return page


def sentences_map(folder: Path) -> Image.Image:
    """Return the map of held-out German sentences and their translations, a line between the two.

    Taught by 900 pairs; the names of a few stand beside them.
    """
    sides = [
        (folder / f"tatoeba.deu-eng.{code}").read_text(encoding="utf-8").splitlines()
        for code in ("deu", "eng")
    ]
    pair = make("linear_pair").fit_on(load_pairs((sides[0][:900], sides[1][:900])))
    german, english = (side[900:] for side in sides)
    pairs = load_pairs((german, english))
    space = embed(pairs, pair)
    places = layout(space).places
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.array(SIDE) - 2 * MARGIN
    corners = (places - low) / (high - low) * room + MARGIN
    page = Image.new("RGB", SIDE, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=14)
    half = len(pairs.left)
    for one, other in pairs.links:
        ends = [tuple(map(float, corners[at])) for at in (one, half + other)]
        pen.line(ends, fill=(200, 200, 200), width=2)
    for at, (x, y) in enumerate(corners):
        colour = tuple(COLOURS[0] if at < half else COLOURS[1])
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour)
    written: list[tuple[float, float, float, float]] = []
    for one, other in pairs.links[1::3]:
        named = []
        for at, text in ((one, pairs.left.items[one]), (half + other, pairs.right.items[other])):
            x, y = corners[at]
            x = min(x + 8, SIDE[0] - font.getlength(text) - 4)
            y += -18 if at < half else 4
            named.append((text, (x, y, x + font.getlength(text), y + 18)))
        free = all(
            box[2] < old[0] or old[2] < box[0] or box[3] < old[1] or old[3] < box[1]
            for _, box in named
            for old in written
        )
        if free and all(text.isascii() and len(text) < 45 for text, _ in named):
            for text, box in named:
                pen.text(box[:2], text, fill="black", font=font)
                written.append(box)
    return page


if __name__ == "__main__":
    data = Path(os.environ.get("NEARSPACE_DATA", "")) / "tatoeba"
    if data.is_dir():
        sentences_map(data).save(Path(__file__).parent / "sentences.webp", quality=80, method=6)
    digits_map().save(Path(__file__).parent / "digits.webp", quality=80, method=6)
