"""Rate and distortion of what encoders decode: bits an image against PSNR, beside PCA and files."""

from __future__ import annotations

import copy
import functools
import io
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data import Dataset, Image, load
from nearspace.encoders.base import Encoder
from nearspace.encoders.exhibits import Strip
from nearspace.encoders.linear import PCA
from nearspace.encoders.spec import make
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.fits import Fits, Tell
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.curves import Curve, Equal, Rates, Sent, bits_at, front, psnr, psnr_at
from nearspace.judge.task import ItemTask
from nearspace.judge.tasks import set_item_task
from nearspace.recipe import versions
from nearspace.space.codec.codes import FIRST
from nearspace.space.codec.levels import Level, fit_codec

__all__ = [
    "DEFAULT_ENCODERS",
    "check_encoders",
    "format_curves",
    "measure_rates",
    "mosaic",
    "photograph",
]
# Each is the best of these at some rate on MNIST, from 16 bits an image to 128. On smaller images
# a VAE of such a beta carries nothing, and an autoencoder is the best at few bits too.
DEFAULT_ENCODERS = (
    "vae(dim=8, likelihood='gaussian', beta=25.0)",
    "autoencoder(dim=8)",
    "autoencoder(dim=10)",
    "autoencoder(dim=16)",
    "autoencoder(dim=32)",
)
RATES = (16, 24, 32, 48, 64, 96, 128)
MOST_BITS = 200  # an image; what lies beyond is of no interest here
PCA_DIMS = (4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 96)
SHARES = tuple(2 ** (-k / 2) for k in range(19))  # levels closer together than a codec has
SHOWN, SHOWN_BITS = 12, 32
PHOTOGRAPH = "pieces of a photograph, china.jpg of scikit-learn"


def measure_rates(
    dataset: Dataset,
    encoders: Sequence[Encoder | str] = DEFAULT_ENCODERS,
    *,
    other: Any = None,
    test_size: float = 0.25,
    random_state: int = 0,
    near_duplicates: str = "tell",
    cache: str | Path | None = None,
    progress: Tell | None = None,
) -> Rates:
    """Return bits an image against PSNR: of encoders, PCA codes, JPEG, WebP and PNG.

    Encoders, their steps and their tables see the training images only; then everything is frozen
    and measured on the test images. PCA codes go through the same quantiser and coder.

    Parameters
    ----------
    dataset : Dataset
        Images.
    encoders : sequence of Encoder or str
        Encoders that decode, or specs.
    other : source, optional
        Images of another domain, read as `load` does; pieces of a photograph when absent.
    test_size : float, default=0.25
        Share of the images that test, where no split is published.
    random_state : int, default=0
        Of the split.
    near_duplicates : {"tell", "together"}, default="tell"
        Whether test items that are nearly the same as a training item are counted and told, or
        such items are kept on one side of the split.
    cache : str or Path, optional
        A folder in which fitted encoders are kept.
    progress : callable, optional
        Called with the share that is done and a few words.

    Returns
    -------
    Rates
        Curves, and what they say at 16 to 128 bits an image.

    Raises
    ------
    NearspaceError
        If the items are no images, or an encoder does not decode.

    Examples
    --------
    >>> rates = measure_rates(load("digits"), ["autoencoder(dim=4, epochs=2)"])
    >>> [curve.name for curve in rates.curves][:3]
    ['autoencoder(dim=4, epochs=2)', 'PCA codes', 'JPEG, each by itself']
    """
    made = [make(encoder) if isinstance(encoder, str) else encoder for encoder in encoders]
    check_encoders(made)
    if not isinstance(dataset.kind, Image):
        raise DataError(
            f"rates holds codes against JPEG, WebP and PNG and so takes images; got {dataset.kind}."
        )
    start = time.perf_counter()
    task = set_item_task(dataset, Protocol(5, None, 1, test_size, random_state, near_duplicates))
    fits = Fits(task, cache, progress)
    shown = _others(other, dataset.kind, random_state)
    measured = []
    for at, encoder in enumerate(made):
        fits.tell(0.8 * at / len(made), f"fitting {encoder.spec}")
        measured.append(_Coded(fits.get(encoder)[0], task))
    fits.tell(0.8, "PCA codes")
    pca = _pca_curve(task)
    fits.tell(0.9, "JPEG, WebP and PNG")
    formats = format_curves(task.test.items)
    curves = [coded.curve for coded in measured]
    protocol = {
        "name": dataset.name,
        "kind": str(dataset.kind),
        "training images": len(task.train),
        "test images": len(task.test),
        "split": task.describe()["split"],
        "other domain": PHOTOGRAPH if other is None else str(other),
        "seconds": time.perf_counter() - start,
        "versions": versions(),
        **({"left out": dataset.left_out} if dataset.left_out else {}),
    }
    return Rates(
        (*curves, pca, *formats),
        tuple(_equals(curves, pca, formats)),
        _sent(measured, task, shown, protocol["other domain"]),
        protocol,
        (
            *dataset.notes,
            *(f"{made.encoder.spec}: {note}" for made in measured for note in made.encoder.notes),
            *fits.cache.close(),
        ),
    )


def check_encoders(encoders: Sequence[Encoder]) -> None:
    """Raise `NearspaceError` if there is no encoder, or one that does not decode."""
    if not encoders:
        raise NearspaceError("rates needs at least one encoder.")
    for encoder in encoders:
        if not encoder.decodes:
            raise NearspaceError(
                f"'{encoder.spec}' does not decode; rates takes pca, autoencoder, denoising, "
                "masked, vae and adversarial."
            )


class _Coded:
    """One fitted encoder with its codec."""

    def __init__(self, encoder: Any, task: ItemTask):
        self.encoder, self.task = encoder, task
        vectors = encoder.transform(task.train.items)
        self.codec = fit_codec(vectors, encoder.decoder.decode, SHARES)

    @functools.cached_property
    def curve(self) -> Curve:
        """Return bits an image, header included, against PSNR of the test images."""
        vectors, bits, quality, settings = self.encoder.transform(self.task.test.items), [], [], []
        for at, level in enumerate(self.codec.levels):
            if level.bits > MOST_BITS:
                break
            codes, _ = level.quantise(vectors)
            size = max(len(level.encode(codes)), len(codes) / 8) + FIRST
            bits.append(8 * size / len(codes))
            quality.append(psnr(self.task.test.items, self.decoded(level, codes)))
            settings.append(f"{self.encoder._n_features_out} dimensions, level {at}")
        return Curve(self.encoder.spec, "latents", bits, quality, settings, self.decoder_bytes())

    def decoded(self, level: Level, codes: np.ndarray) -> np.ndarray:
        """Return the images of codes, as uint8."""
        vectors = level.restore(codes).astype(np.float32)
        decoder = self.encoder.decoder
        return decoder.kind.stored(decoder.decode(vectors))

    def decoder_bytes(self) -> int:
        """Return what the receiver needs to have: the decoder, and the tables."""
        files = self.encoder.decoder.dump().values()
        return sum(map(len, files)) + len(self.codec.to_bytes())

    def shown(self, images: np.ndarray) -> tuple[np.ndarray, float, float]:
        """Return what images decode to at about 32 bits, those bits, and the PSNR."""
        level = self.codec.levels[self.codec.choose(SHOWN_BITS)]
        codes, _ = level.quantise(self.encoder.transform(images))
        decoded = self.decoded(level, codes)
        return decoded, 8 * len(level.encode(codes)) / len(codes), psnr(images, decoded)


def _pca_curve(task: ItemTask) -> Curve:
    """Return the best of PCA codes over dimensions and steps."""
    most = min(len(task.train), int(np.prod(task.train.items.shape[1:])))
    dims = sorted({min(dim, most) for dim in PCA_DIMS})
    whole = PCA(dims[-1]).fit(task.train.items)
    points: dict[tuple[float, float], tuple[str, int]] = {}
    for dim in dims:
        first = copy.copy(whole)
        first.components_ = whole.components_[:dim]
        first.explained_variance_ratio_ = whole.explained_variance_ratio_[:dim]
        curve = _Coded(first, task).curve
        for point, setting in zip(curve.points, curve.settings, strict=True):
            points[point] = (setting, curve.decoder_bytes or 0)
    best = front(points)
    bits, quality = zip(*best, strict=True)
    most_bytes = max(points[point][1] for point in best)
    return Curve(
        "PCA codes", "PCA codes", bits, quality, [points[point][0] for point in best], most_bytes
    )


def _equals(curves: list[Curve], pca: Curve, formats: list[Curve]) -> list[Equal]:
    """Return what the ways cost at the quality of the best latents, at some rates."""
    equals = []
    for bits in RATES:
        here = [(q, curve) for curve in curves if (q := psnr_at(curve.front, bits)) is not None]
        if not here:
            continue
        quality, best = max(here, key=lambda pair: pair[0])
        costs = {curve.name: cost for curve in formats if (cost := bits_at(curve.front, quality))}
        size, pca_cost = best.decoder_bytes or 0, bits_at(pca.front, quality)
        others = [(cost, 0) for cost, _ in costs.values()]
        others += [(pca_cost[0], pca.decoder_bytes or 0)] if pca_cost else []
        equals.append(
            Equal(
                bits, quality, best.name, psnr_at(pca.front, bits),
                pca_cost[0] if pca_cost else None, costs, size, _paid_after(bits, size, others),
            )
        )  # fmt: skip
    return equals


def _paid_after(bits: float, size: int, others: list[tuple[float, int]]) -> float | None:
    """Return from how many images on a decoder beats others, each of some bits and bytes."""
    if not others or min(cost for cost, _ in others) <= bits:
        return None
    return max(0.0, *(8 * (size - theirs) / (cost - bits) for cost, theirs in others))


def _sent(
    measured: list[_Coded], task: ItemTask, others: np.ndarray, domain: str
) -> tuple[Sent, Sent]:
    """Return test images and images of another domain beside what the best encoder decodes."""
    best = max(measured, key=lambda coded: psnr_at(coded.curve.front, SHOWN_BITS) or 0.0)
    test = task.test.items[np.linspace(0, len(task.test) - 1, SHOWN).astype(int)]

    def sent(title: str, images: np.ndarray) -> Sent:
        decoded, bits, quality = best.shown(images)
        given, back = (Strip(best.encoder.kind_, items) for items in (images, decoded))
        return Sent(title, best.encoder.spec, bits, quality, given, back)

    return sent(f"{len(test)} of the test images", test), sent(domain, others)


def _others(other: Any, kind: Any, random_state: int) -> np.ndarray:
    """Return a few images of another domain, in the shape of the images."""
    if other is None:
        return photograph(kind)
    dataset = load(other, kind="image", size=None)
    chosen = np.random.default_rng(random_state).permutation(len(dataset))[:SHOWN]
    return np.stack([_fitted(dataset.items[i], kind) for i in chosen])


def photograph(kind: Image, n: int = SHOWN) -> np.ndarray:
    """Return pieces of a photograph in the shape of a kind of images, uint8.

    Examples
    --------
    >>> photograph(Image((28, 28, 1)), 3).shape
    (3, 28, 28, 1)
    """
    from sklearn.datasets import load_sample_image

    whole = load_sample_image("china.jpg")
    side = 100
    places = np.random.default_rng(0).integers((0, 0), np.array(whole.shape[:2]) - side, (n, 2))
    pieces = [whole[y : y + side, x : x + side] for y, x in places]
    return np.stack([_fitted(piece, kind) for piece in pieces])


def _picture(image: np.ndarray) -> Any:
    from PIL import Image as Pillow

    return Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _fitted(image: np.ndarray, kind: Image) -> np.ndarray:
    height, width, channels = kind.shape
    picture = _picture(image).convert("L" if channels == 1 else "RGB").resize((width, height))
    return np.asarray(picture).reshape(kind.shape)


QUALITIES = (0, 1, 2, 5, 10, 20, 35, 50, 70, 90)
BY_THEMSELVES = 300  # images that are written each into a file of its own
LONGEST_SIDE = 16_383  # of a WebP
IMAGE_FORMATS = {"JPEG": QUALITIES, "WebP": QUALITIES, "PNG": (None,)}


def format_curves(images: np.ndarray) -> list[Curve]:
    """Return the curves of the three formats, images each by itself and all as one mosaic.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        The images; three hundred of them, evenly spaced, are written each by itself.

    Returns
    -------
    list of Curve
        Bits an image against PSNR; that of PNG, which loses nothing, is infinite.
    """
    some = images[np.linspace(0, len(images) - 1, min(BY_THEMSELVES, len(images))).astype(int)]
    whole, shown = mosaic(images)
    curves = []
    for name, qualities in IMAGE_FORMATS.items():
        alone = [_measure(some, list(some), name, quality) for quality in qualities]
        together = [_measure(shown, [whole], name, quality) for quality in qualities]
        labels = ["" if quality is None else f"quality {quality}" for quality in qualities]
        for how, points in (("each by itself", alone), ("one mosaic", together)):
            bits, decibels = zip(*points, strict=True)
            curves.append(Curve(f"{name}, {how}", how, bits, decibels, labels))
    return curves


def mosaic(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images side by side in about a square, and those that found room in it.

    Examples
    --------
    >>> whole, shown = mosaic(np.ones((5, 2, 4, 1), dtype=np.uint8))
    >>> whole.shape, len(shown), int(whole.sum() - shown.sum())
    ((6, 8, 1), 5, 0)
    """
    height, width, channels = images.shape[1:]
    most = (LONGEST_SIDE // height, LONGEST_SIDE // width)
    images = images[: most[0] * most[1]]
    across = min(most[1], max(1, round(math.sqrt(len(images) * height / width))))
    down = -(-len(images) // across)
    whole = np.zeros((down * across, height, width, channels), dtype=np.uint8)
    whole[: len(images)] = images
    rows = whole.reshape(down, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(down * height, across * width, channels), images


def _measure(
    images: np.ndarray, files: Iterable[np.ndarray], name: str, quality: int | None
) -> tuple[float, float]:
    """Return bits an image and PSNR of images that stand in some files."""
    size, decoded = 0, []
    for file in files:
        data = _written(file, name, quality)
        size += len(data)
        decoded.append(_read(data, file.shape))
    if len(decoded) == 1 and len(images) != 1:
        decoded = list(_cut(decoded[0], images))
    return 8 * size / len(images), psnr(images, np.stack(decoded)[: len(images)])


def _cut(whole: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return the images of a mosaic, those that fill its end included."""
    height, width, channels = images.shape[1:]
    down, across = whole.shape[0] // height, whole.shape[1] // width
    rows = whole.reshape(down, height, across, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, height, width, channels)


def _written(image: np.ndarray, name: str, quality: int | None) -> bytes:
    file = io.BytesIO()
    settings: Any = {"optimize": True} if quality is None else {"quality": quality}
    _picture(image).save(file, name, **settings)
    return file.getvalue()


def _read(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("L" if shape[2] == 1 else "RGB")).reshape(shape)
