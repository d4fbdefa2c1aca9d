"""Vision models that others have trained, by their name on the Hugging Face hub or in a folder."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from safetensors import SafetensorError
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Image
from nearspace.data.batches import Batches, Positions
from nearspace.encoders.base import Encoder
from nearspace.encoders.layers import Layers
from nearspace.errors import DataError, NearspaceError, need
from nearspace.learning.device import torch_device
from nearspace.learning.threads import threads_for
from nearspace.nets.layers import POOLS, as_vectors, list_layers, tap

__all__ = ["Pretrained"]

WEIGHTS = ("model.safetensors", "model-*.safetensors")
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
FILES = ("config.json", *PROCESSORS, "*.index.json")
# Whatever transformers raises on a folder, or a batch, that it cannot make sense of.
UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError,
    SafetensorError,
)  # fmt: skip


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
    metric = "cosine"
    effort = 3000
    revision_: str | None = dataclasses.field(init=False)
    sha256_: str = dataclasses.field(init=False)
    default_pool_: str = dataclasses.field(init=False)
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
            tappable = list_layers(nn.Sequential(self._vision.tower), batch)
            self._vectors(batch)
        except NearspaceError:
            raise
        except UNREADABLE as error:
            raise self._vision.unusable(
                f"cannot take single images ({first_line(error)})"
            ) from error
        if "0" not in tappable:
            raise self._vision.unusable(
                "gives one image several vectors, by chance or by what images are beside it"
            )
        self.layers_ = [name for name in self._vision.layer_names() if f"0.{name}" in tappable]

    def check_whole(self) -> None:
        """Raise an error unless its kind is right; its weights were compared when found."""
        self._check_kind()

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
        with threads_for(math.inf):
            return self._pictures(items).map(self._vectors, self.batch_size, device).numpy()

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for a batch of items."""
        pictures = self._pictures(self._check(X, reset=False))
        batches = pictures.parts(self.batch_size, torch_device(self.device))
        with threads_for(math.inf):
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


@dataclasses.dataclass(frozen=True, eq=False)
class Vision:
    """A model that takes images, and what prepares them for it.

    Attributes
    ----------
    name : str
        What the user calls it.
    tower : nn.Module
        The model, or its part that takes images; in eval mode, its weights float32.
    processor : transformers image processor
        Turns images into its input.
    missing : frozenset of str
        Layers without weights in the file, whose output would be random.
    """

    name: str
    tower: nn.Module
    processor: Any
    missing: frozenset[str]

    def unusable(self, reason: str) -> DataError:
        """Return the error that says why it cannot embed."""
        return DataError(f"pretrained: the model '{self.name}' {reason}.")

    def layer_names(self) -> list[str]:
        """Return the top-level layers, the one that holds the blocks replaced by the blocks."""
        lists = [n for n, part in self.tower.named_modules() if isinstance(part, nn.ModuleList)]
        names: list[str] = []
        for name, _ in self.tower.named_children():
            inside = [at for at in lists if at == name or at.startswith(f"{name}.")]
            blocks = self.tower.get_submodule(inside[0]) if inside else ()
            names += [f"{inside[0]}.{i}" for i in range(len(blocks))] if blocks else [name]  # type: ignore[arg-type]
        return [name for name in names if not self.lacks(name)]

    def lacks(self, layer: str) -> bool:
        """Return whether a layer, or a part of it, has no weights in the file."""
        return any(f"{name}.".startswith(f"{layer}.") for name in self.missing)

    def tap(self, names: list[str], batch: Tensor) -> dict[str, Tensor]:
        """Return what layers put out for a batch."""
        for name in filter(self.lacks, names):
            raise self.unusable(f"has no weights for its layer '{name}'")
        return tap(self.tower, names, batch)

    def hidden_state(self, index: int, batch: Tensor) -> Tensor:
        """Return a hidden state for a batch, ``(n, tokens, d)`` or ``(n, channels, h, w)``."""
        with torch.inference_mode():
            output = self.tower(batch, output_hidden_states=index != -1)
        if index == -1:
            return output.last_hidden_state
        states = output.hidden_states
        if not -len(states) <= index < len(states):
            raise self.unusable(
                f"has the hidden states 0 to {len(states) - 1}, or -1 to {-len(states)}; got "
                f"layer={index}"
            )
        last = index % len(states) == len(states) - 1
        return output.last_hidden_state if last else states[index]


def find_folder(model: str, revision: str | None) -> tuple[Path, str | None]:
    """Return the folder that holds a model, downloaded where need be, and its commit.

    Raises
    ------
    MissingExtra
        If transformers is not installed.
    DataError
        If there is neither a folder nor a model of the name, or the hub is out of reach.
    """
    need("pretrained", "The encoder 'pretrained'")
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise DataError(f"pretrained: the folder {model} has no revisions, got '{revision}'.")
        return folder, None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    at = f" at revision '{revision}'" if revision else ""
    try:
        with _quiet():
            place = snapshot_download(model, revision=revision, allow_patterns=[*FILES, *WEIGHTS])
    except HFValidationError:
        raise DataError(
            f"pretrained: there is no folder {model}, and no model on the hub has such a name; "
            "expected a folder or a name such as 'google/vit-base-patch16-224'."
        ) from None
    except (LocalEntryNotFoundError, ConnectionError) as error:
        raise DataError(
            f"pretrained: the hub is out of reach, '{model}'{at} is not in its cache on this "
            "machine, and there is no folder of that name; connect, or give the folder of a model."
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise DataError(
            f"pretrained: the hub gives out no model '{model}'{at} ({first_line(error)})."
        ) from error
    return Path(place), Path(place).name


def digest_weights(folder: Path, name: str) -> str:
    """Return the SHA-256 of a model's weights.

    Raises
    ------
    DataError
        If the folder holds no model, or none in safetensors.
    """
    if not (folder / "config.json").is_file():
        raise DataError(f"pretrained: {name} holds no model: expected a file config.json in it.")
    files = sorted(path for pattern in WEIGHTS for path in folder.glob(pattern))
    if not files:
        raise DataError(
            f"pretrained: {name} holds no model.safetensors; weights in other formats may hold "
            "code and are not read, so save it anew with save_pretrained of transformers."
        )
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(2**22):
                digest.update(block)
    return digest.hexdigest()


def load_vision(folder: Path, name: str) -> Vision:
    """Return the part of a model that takes images, and its image processor.

    Raises
    ------
    DataError
        If the model or the processor cannot be read, or the model takes no images.
    """
    from transformers import AutoImageProcessor, AutoModel

    if not any((folder / file).is_file() for file in PROCESSORS):
        raise DataError(
            f"pretrained: '{name}' has no image processor, which says how its images are scaled: "
            f"expected {PROCESSORS[0]}, as save_pretrained of an AutoImageProcessor writes it."
        )
    # Left out, trust_remote_code makes transformers ask at the terminal whether to run the code.
    settings: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    reading = "model"
    try:
        with _quiet():
            model, info = AutoModel.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                **settings,
            )
            tower = getattr(model, "vision_model", model)
            if getattr(tower, "main_input_name", "") != "pixel_values":
                taken = getattr(tower, "main_input_name", "something else")
                raise DataError(
                    f"pretrained: '{name}' is no vision model but a {type(model).__name__}, which "
                    f"takes {taken}."
                )
            reading = "image processor"
            processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **settings)
    except NearspaceError:
        raise
    except UNREADABLE as error:
        raise DataError(
            f"pretrained: cannot read the {reading} of '{name}' ({first_line(error)})."
        ) from error
    prefix = "" if tower is model else "vision_model."
    missing = {
        key.removeprefix(prefix).rpartition(".")[0]
        for key in info["missing_keys"]
        if key.startswith(prefix)
    }
    strange = sorted(layer for layer in missing if not layer.startswith("pooler"))
    if strange:
        raise DataError(
            f"pretrained: the weights of '{name}' lack those of {len(strange)} of its layers, such "
            f"as '{strange[0]}': they are not of this model."
        )
    return Vision(name, tower.eval(), processor, frozenset(missing))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from logging and drawing bars, and leave its settings as they were."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """Return what an error says in its first line, without the full stop."""
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
