"""Bits an image against PSNR on MNIST: latents beside PCA codes and image formats.

Everything is fitted on the 60,000 training images and frozen, and measured on the 10,000 others.

Run: NEARSPACE_DATA=... python benchmarks/codec.py
"""

import os
import tempfile
import time
from pathlib import Path

from nearspace import embed, load
from nearspace.encoders.spec import make
from nearspace.judge.fits import Fits
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.rates import measure_rates
from nearspace.judge.tasks import set_task
from nearspace.report.rates import cost_text, images_text
from nearspace.space.codec.codec import pack, unpack, with_codec

# What `rates` takes of itself has to suit other images too. These are chosen for MNIST: at few bits
# the noise that a VAE is trained with is about what rounding does to its vectors.
ENCODERS = (
    "vae(dim=8, likelihood='gaussian', beta=20.0, hidden=(512, 256, 128), learning_rate=4e-3, "
    "epochs=20)",
    "vae(dim=9, likelihood='gaussian', beta=12.0, hidden=(1024, 512, 256), learning_rate=3e-3, "
    "epochs=15)",
    "autoencoder(dim=16)",
    "autoencoder(dim=32)",
)
FORMATS = ("WebP, one mosaic", "JPEG, one mosaic", "WebP, each by itself")


def curves(mnist, folder):
    rates = measure_rates(mnist, ENCODERS, cache=folder)
    heads = " ".join(f"{name + ', bits':>27}" for name in FORMATS)
    print(f"{'bits':>4} {'dB':>6} {'PCA':>6} {'more':>8} {heads} {'pays after':>11}  encoder")
    for equal in rates.equals:
        costs = " ".join(f"{cost_text(equal.formats.get(name)):>27}" for name in FORMATS)
        gain = f"{equal.psnr - equal.pca_psnr:+.2f} dB"
        row = f"{equal.bits:4.0f} {equal.psnr:6.2f} {equal.pca_psnr:6.2f} {gain} {costs}"
        print(f"{row} {images_text(equal):>11}  {equal.encoder}")


def round_trip(mnist, folder):
    task = set_task(mnist, Protocol(5, None, 1, 0.25, 0))
    encoder, _ = Fits(task, folder).get(make(ENCODERS[-2]))  # from the folder
    space = with_codec(embed(task.train, encoder))
    images = task.test.items
    start = time.perf_counter()
    data = pack(space, images, bits=48)
    packed = time.perf_counter()
    found = unpack(space, data)
    unpacked = time.perf_counter()
    print(
        f"{len(images):,} images: packed in {packed - start:.2f} s to "
        f"{8 * len(data) / len(images):.1f} bits an image, unpacked in {unpacked - packed:.2f} s, "
        f"the same as at the sender: {found.same}"
    )


def main():
    start = time.perf_counter()
    mnist = load(Path(os.environ["NEARSPACE_DATA"]) / "mnist")
    with tempfile.TemporaryDirectory() as name:
        curves(mnist, Path(name))
        round_trip(mnist, Path(name))
    print(f"all in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
