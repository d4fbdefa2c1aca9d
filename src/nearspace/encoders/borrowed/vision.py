"""`Vision`: a model that takes images."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nearspace.data import Kind
from nearspace.data.batches import Batches, Positions
from nearspace.encoders.borrowed.models import (
    UNREADABLE,
    Model,
    Request,
    first_line,
    load_tower,
    quiet,
)
from nearspace.errors import DataError
from nearspace.learning.threads import threads_for
from nearspace.nets.layers import as_vectors

__all__ = ["PROCESSORS", "Vision", "load_vision"]

PROCESSORS = ("preprocessor_config.json", "processor_config.json")


@dataclasses.dataclass(frozen=True, eq=False)
class Vision(Model):
    """A model that takes images, and what prepares them for it.

    Attributes
    ----------
    processor : transformers image processor
        Turns images into its input.
    """

    pools = ("cls", "mean", "max", "flatten")
    settings = ()

    processor: Any

    @property
    def own_pool(self) -> str:
        """The class token where the model has one, else the mean."""
        names = [name for name, _ in self.tower.named_parameters()]
        has_token = any(name.endswith(("cls_token", "class_embedding")) for name in names)
        return "cls" if has_token else "mean"

    def sample(self, kind: Kind) -> Tensor:
        """Return two pictures of noise, prepared."""
        noise = np.random.default_rng(0).integers(256, size=(2, *kind.shape_of_item))
        return Pictures(noise.astype(np.uint8), self, torch.device("cpu"))[:]

    def pooled(self, output: Tensor, batch: Tensor, asked: Request) -> Tensor:
        """Return what a layer puts out as vectors."""
        pool = asked.pool or self.own_pool
        if pool == "cls" != self.own_pool:
            raise self.unusable("has no class token; use pool='mean'")
        return as_vectors(output, pool)

    def batches(self, items: np.ndarray, asked: Request) -> Pictures:
        """Return images as they wait for the processor."""
        return Pictures(items, self, torch.device("cpu"))

    def embed(self, items: np.ndarray, asked: Request) -> np.ndarray:
        """Return the vectors of images."""
        pictures = Pictures(items, self, asked.device)
        with threads_for(math.inf):
            vectors = pictures.map(
                lambda batch: self.vectors(batch, asked), asked.batch_size, asked.device
            )
        return vectors.numpy()

    def layer_outputs(
        self, items: np.ndarray, names: list[str], asked: Request
    ) -> dict[str, Tensor]:
        """Return what layers put out for images, before it is made a vector."""
        batches = Pictures(items, self, asked.device).parts(asked.batch_size, asked.device)
        with threads_for(math.inf):
            parts = [self.tap(names, batch) for batch in batches]
        return {name: torch.cat([part[name] for part in parts]) for name in names}

    def input_sides(self, kind: Kind) -> tuple[int, int]:
        """Return height and width in pixels that the processor gives images of a kind."""
        height, width = self.sample(kind).shape[-2:]
        return height, width


class Pictures(Batches):
    """Images that wait for the processor of a model, which prepares a few at a time."""

    most_at_once = 32

    def __init__(self, items: np.ndarray, vision: Vision, device: torch.device):
        self.items, self.vision, self.device = items, vision, device

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, rows: Positions) -> Tensor:
        items = self.items[rows]
        images = list(np.repeat(items, 3, axis=3) if items.shape[3] == 1 else items)
        try:
            batch = self.vision.processor(
                images=images, return_tensors="pt", input_data_format="channels_last"
            )["pixel_values"]
        except UNREADABLE as error:
            reason = f"has an image processor that cannot take the images ({first_line(error)})"
            raise self.vision.unusable(reason) from error
        self.vision.tower.to(self.device)
        return batch.to(self.device, torch.float32)

    def to(self, device: Any) -> Pictures:
        """Return the images, whose batches come on a device."""
        return Pictures(self.items, self.vision, torch.device(device))

    def take(self, rows: Positions) -> Pictures:
        """Return the images at ``rows``."""
        return Pictures(self.items[rows], self.vision, self.device)

    def blank(self, n: int) -> Tensor:
        """Return black images, prepared."""
        black = np.zeros((n, *self.items.shape[1:]), np.uint8)
        return Pictures(black, self.vision, self.device)[:]


def load_vision(folder: Path, name: str) -> Vision:
    """Return the part of a model that takes images, and its image processor.

    Raises
    ------
    DataError
        If the model or the processor cannot be read, or the model takes no images.
    """
    from transformers import AutoImageProcessor

    if not any((folder / file).is_file() for file in PROCESSORS):
        raise DataError(
            f"pretrained: '{name}' has no image processor, which says how its images are scaled: "
            f"expected {PROCESSORS[0]}, as save_pretrained of an AutoImageProcessor writes it."
        )
    tower, missing, projection = load_tower(
        folder, name, "vision_model", ("pixel_values",), "vision model"
    )
    try:
        with quiet():
            processor = AutoImageProcessor.from_pretrained(
                folder, backend="pil", local_files_only=True, trust_remote_code=False
            )
    except UNREADABLE as error:
        raise DataError(
            f"pretrained: cannot read the image processor of '{name}' ({first_line(error)})."
        ) from error
    return Vision(name, tower, missing, projection, processor)
