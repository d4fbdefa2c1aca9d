"""Vision models that others have trained, by their name on the Hugging Face hub or in a folder."""

from __future__ import annotations

import dataclasses
import re
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Image
from nearspace.data.batches import Batches, Positions
from nearspace.encoders.base import Encoder, Layers
from nearspace.encoders.learned.learned import torch_device
from nearspace.errors import NearspaceError
from nearspace.nets.layers import POOLS, as_vectors, list_layers
from nearspace.nets.vision import (
    UNREADABLE,
    Vision,
    digest_weights,
    find_folder,
    first_line,
    load_vision,
)

__all__ = ["Pretrained"]


@dataclasses.dataclass(eq=False, repr=False)
class Pretrained(Layers, Encoder):
    """A pretrained vision model, through the library transformers.

    Pictures go through the model's own image processor, in Pillow's version on every machine; grey
    ones are repeated to three channels. Of a model of images and texts, such as CLIP, the vision
    tower alone is used, before the projection into the space that both share. Only safetensors are
    read, and no code that comes with a model is run.

    A saved encoder keeps the model's name, its revision and the SHA-256 of its weights, not the
    weights; loading it finds them again and refuses others.

    Parameters
    ----------
    model : str
        A folder that ``save_pretrained`` of a model and of its image processor wrote, or a name on
        the hub, such as ``"google/vit-base-patch16-224"``. What is in the hub's cache folder is
        used where the hub is out of reach.
    layer : int or str, default=-1
        A number is one of the model's hidden states: 0 what goes into the first block, i what
        comes out of block i, -1 what the model puts out, after its last normalisation if it has
        one. A text is the name of a layer, such as ``"layers.3"``.
    pool : {"cls", "mean", "max", "flatten"}, optional
        What becomes of the tokens or the places of a feature map; by default the class token where
        the model has one, else the mean.
    batch_size : int, default=32
        Images that go through the model at once.
    revision : str, optional
        Branch, tag or commit on the hub; its main branch when absent. A comparison keeps results in
        its cache only for a whole commit of 40 digits, since branches and tags move.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Attributes
    ----------
    revision_ : str or None
        The commit on the hub; None of a folder.
    sha256_ : str
        Of the file of weights; of several files in the order of their names.
    default_pool_ : str
        The pool that suits the model.

    Examples
    --------
    >>> from nearspace import make
    >>> make('pretrained("google/vit-base-patch16-224", pool="mean")@"layers.3"')
    Pretrained(layer='layers.3', model='google/vit-base-patch16-224', pool='mean')
    """

    kinds = frozenset({Image})
    fit_free_params = frozenset({"layer", "pool", "batch_size", "device"})
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "model": [str],
        "layer": [Integral, str],
        "pool": [StrOptions(set(POOLS) - {"none"}), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "revision": [str, None],
        "device": [str],
    }

    model: str
    _: dataclasses.KW_ONLY
    layer: int | str = -1
    pool: str | None = None
    batch_size: int = 32
    revision: str | None = None
    device: str = "auto"

    def _fit(self, items: Any, y: Any) -> None:
        folder, self.revision_ = find_folder(self.model, self.revision)
        self.sha256_ = digest_weights(folder, self.model)
        self._vision = load_vision(folder, self.model)
        names = [name for name, _ in self._vision.tower.named_parameters()]
        has_token = any(name.endswith(("cls_token", "class_embedding")) for name in names)
        self.default_pool_ = "cls" if has_token else "mean"
        # Two pictures of noise tell which layers have a row a picture, the same beside another.
        noise = np.random.default_rng(0).integers(256, size=(2, *items.shape[1:]))
        batch = self._pictures(noise.astype(np.uint8))[:]
        try:
            layers = list_layers(nn.Sequential(self._vision.tower), batch)
            self._vectors(batch)
        except NearspaceError:
            raise
        except UNREADABLE as error:
            raise self._vision.unusable(
                f"cannot take single images ({first_line(error)})"
            ) from error
        tappable = {layer.name for layer in layers}
        if "0" not in tappable:
            raise self._vision.unusable(
                "gives one image several vectors, by chance or by what images are beside it"
            )
        self.layers_ = [name for name in self._vision.layer_names() if f"0.{name}" in tappable]

    @property
    def is_reproducible(self) -> bool:
        """Whether the revision is a commit, which never changes, unlike a branch or a tag."""
        return re.fullmatch("[0-9a-f]{40}", self.revision or "") is not None

    @property
    def input_sides(self) -> tuple[int, int]:
        """Height and width in pixels that the image processor gives the images."""
        height, width = self._pictures(self.kind_.empty()).blank(1).shape[-2:]
        return height, width

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state, or raise unless its weights are those that it had.

        Raises
        ------
        NearspaceError
            If they are others, or cannot be found.
        """
        encoder = super().from_state(params, fitted)
        folder, _ = find_folder(encoder.model, encoder.revision_)
        sha256 = digest_weights(folder, encoder.model)
        if sha256 != encoder.sha256_:
            raise NearspaceError(
                f"The weights of '{encoder.model}' are not those that the encoder was fitted "
                f"with: expected SHA-256 {encoder.sha256_[:12]}…, got {sha256[:12]}…; fit it again."
            )
        return encoder

    def _loaded(self) -> Vision:
        if not hasattr(self, "_vision"):
            self._vision = load_vision(find_folder(self.model, self.revision_)[0], self.model)
        return self._vision

    @property
    def pool_(self) -> str:
        """``pool``, or the one that suits the model when it is absent."""
        if self.pool == "cls" != self.default_pool_:
            raise self._loaded().unusable("has no class token; use pool='mean'")
        return self.pool or self.default_pool_

    def _pictures(self, items: np.ndarray) -> Pictures:
        return Pictures(items, self._loaded(), torch_device(self.device))

    def _vectors(self, batch: Tensor) -> Tensor:
        if isinstance(self.layer, str):
            output = self._loaded().tap([self.layer], batch)[self.layer]
        else:
            output = self._loaded().hidden_state(self.layer, batch)
        return as_vectors(output, self.pool_).float().cpu()

    def _transform(self, items: np.ndarray) -> np.ndarray:
        device = torch_device(self.device)
        return self._pictures(items).map(self._vectors, self.batch_size, device).numpy()

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for a batch of items."""
        pictures = self._pictures(self._check(X, reset=False))
        batches = pictures.parts(self.batch_size, torch_device(self.device))
        parts = [self._loaded().tap(names, batch) for batch in batches]
        return {name: torch.cat([part[name] for part in parts]) for name in names}

    @property
    def _n_features_out(self) -> int:
        return self._vectors(self._pictures(self.kind_.empty()).blank(1)).shape[1]


class Pictures(Batches):
    """Images that wait for the processor of a model, which prepares a few at a time."""

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

    def take(self, rows: Positions) -> Pictures:
        """Return the images at ``rows``."""
        return Pictures(self.items[rows], self.vision, self.device)

    def blank(self, n: int) -> Tensor:
        """Return black images, prepared."""
        black = np.zeros((n, *self.items.shape[1:]), np.uint8)
        return Pictures(black, self.vision, self.device)[:]
