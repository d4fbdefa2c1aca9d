"""Make the pictures of the pages: ``python docs/pictures/make.py``."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

from nearspace import embed, layout, load

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


if __name__ == "__main__":
    digits_map().save(Path(__file__).parent / "digits.webp", quality=80, method=6)
