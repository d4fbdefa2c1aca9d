"""Models of the library transformers: where they lie, what they are, what their layers give."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from nearspace.data import Kind
from nearspace.data.batches import Batches
from nearspace.encoders.attention import Attention
from nearspace.errors import DataError, need
from nearspace.nets.layers import list_layers, output_of, tap

__all__ = [
    "UNREADABLE",
    "Model",
    "Request",
    "digest_weights",
    "find_folder",
    "first_line",
    "load_tower",
    "quiet",
]

WEIGHTS = ("model.safetensors", "model-*.safetensors")
# What says how models are built and what they take: their own files, and those of their parts.
FILES = ("*.json", "*.txt", "*.model", "[0-9]*_*/*.json", "[0-9]*_*/model.safetensors")
# Weights that a model uses only while it is trained, and that many files lack.
OF_TRAINING = ("masked_spec_embed",)
# What leads the parts of a model of several kinds into the space in which they are compared.
PROJECTIONS = {
    "vision_model": "visual_projection",
    "text_model": "text_projection",
    "audio_model": "audio_projection",
}
# Whatever transformers raises on a folder, or a batch, that it cannot make sense of.
UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError,
    SafetensorError,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked of a model; see the parameters of `Pretrained`, which are called the same."""

    layer: int | str
    pool: str | None
    batch_size: int
    device: torch.device
    prompt: str = ""
    long: str = "cut"
    strict: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Model(ABC):
    """A model that others have trained, and how it is asked for vectors.

    Attributes
    ----------
    name : str
        What the user calls it.
    tower : nn.Module
        The model, or its part that takes items of the kind; in eval mode, its weights float32. It
        takes a batch, whatever that is.
    pools : collection of str
        What may become of the tokens or places.
    settings : collection of str
        What else may be asked of such models alone.
    missing : frozenset of str
        Layers without weights in the file, whose output would be random.
    projection : nn.Module or None
        What leads the pooled output of the tower to where it is compared with that of another, of a
        model that was trained on pairs, as CLIP was.
    """

    pools: ClassVar[Collection[str]]
    settings: ClassVar[Collection[str]]

    name: str
    tower: nn.Module
    missing: frozenset[str]
    projection: nn.Module | None

    @property
    @abstractmethod
    def own_pool(self) -> str:
        """The pool that suits the model."""

    @property
    def metric(self) -> str:
        """By what its vectors are meant to be compared."""
        return "cosine"

    @abstractmethod
    def sample(self, kind: Kind) -> Any:
        """Return a batch of two different items of a kind, by which layers are tried."""

    @abstractmethod
    def pooled(self, output: Tensor, batch: Any, asked: Request) -> Tensor:
        """Return what a layer puts out for a batch, ``(n, tokens or places, …)``, as vectors."""

    @abstractmethod
    def batches(self, items: Any, asked: Request) -> Batches:
        """Return items as they wait for the model to be trained on."""

    @abstractmethod
    def embed(self, items: Any, asked: Request) -> np.ndarray:
        """Return the vectors of items, float32."""

    @abstractmethod
    def layer_outputs(self, items: Any, names: list[str], asked: Request) -> dict[str, Tensor]:
        """Return what layers put out for items."""

    def notes_on(self, items: Any, asked: Request) -> tuple[str, ...]:
        """Return what there is to say of items before they are embedded."""
        return ()

    def attention(self, items: Any, asked: Request) -> Iterator[Attention]:
        """Yield what the tokens of items look at."""
        raise self.unusable("is none of texts, whose attention alone is looked at")

    def vectors(self, batch: Any, asked: Request) -> Tensor:
        """Return the vectors of a batch, where it lies, with gradients."""
        if self.projection is not None and asked.layer == -1 and asked.pool is None:
            pooled = self.tower(batch).pooler_output
            return self.projection.to(pooled.device)(pooled).float()
        if isinstance(asked.layer, str):
            self.check_weights([asked.layer])
            output = output_of(self.tower, asked.layer, batch)
        else:
            output = self.hidden_state(asked.layer, batch)
        return self.pooled(output, batch, asked).float()

    def unusable(self, reason: str) -> DataError:
        """Return the error that says why it cannot embed."""
        return DataError(f"pretrained: the model '{self.name}' {reason}.")

    def layer_names(self) -> list[str]:
        """Return the top-level layers, the one that holds the blocks replaced by the blocks."""
        # Of that type itself: weights that are normalised are lists of another one.
        lists = [n for n, part in self.tower.named_modules() if type(part) is nn.ModuleList]
        names: list[str] = []
        for name, _ in self.tower.named_children():
            inside = [at for at in lists if at == name or at.startswith(f"{name}.")]
            blocks = self.tower.get_submodule(inside[0]) if inside else ()
            names += [f"{inside[0]}.{i}" for i in range(len(blocks))] if blocks else [name]  # type: ignore[arg-type]
        return [name for name in names if not self.lacks(name)]

    def tappable(self, batch: Any) -> list[str]:
        """Return those of the `layer_names` whose output has a row an item.

        Raises
        ------
        DataError
            If not even the whole model gives an item the same whatever is beside it.
        """
        outputs = list_layers(nn.Sequential(self.tower), batch)
        if "0" not in outputs:
            raise self.unusable(
                "gives one item several vectors, by chance or by what items are beside it"
            )
        return [name for name in self.layer_names() if f"0.{name}" in outputs]

    def lacks(self, layer: str) -> bool:
        """Return whether a layer, or a part of it, has no weights in the file."""
        return any(f"{name}.".startswith(f"{layer}.") for name in self.missing)

    def tap(self, names: list[str], batch: Any) -> dict[str, Tensor]:
        """Return what layers put out for a batch."""
        self.check_weights(names)
        return tap(self.tower, names, batch)

    def check_weights(self, names: list[str]) -> None:
        """Raise an error unless layers have weights in the file."""
        for name in filter(self.lacks, names):
            raise self.unusable(f"has no weights for its layer '{name}'")

    def hidden_state(self, index: int, batch: Any) -> Tensor:
        """Return a hidden state for a batch, ``(n, tokens, d)`` or ``(n, channels, h, w)``."""
        return self.state_of(self.tower(batch, output_hidden_states=index != -1), index)

    def state_of(self, output: Any, index: int) -> Tensor:
        """Return a hidden state of what the model puts out."""
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


def find_folder(
    model: str, revision: str | None, who: str = "pretrained"
) -> tuple[Path, str | None]:
    """Return the folder that holds a model, downloaded where need be, and its commit.

    ``who`` is the encoder that asks, which errors name.

    Raises
    ------
    MissingExtra
        If transformers is not installed.
    DataError
        If there is neither a folder nor a model of the name, or the hub is out of reach.
    """
    need("pretrained", f"The encoder '{who}'")
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise DataError(f"{who}: the folder {model} has no revisions, got '{revision}'.")
        return folder, None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    at = f" at revision '{revision}'" if revision else ""
    try:
        with quiet():
            place = snapshot_download(model, revision=revision, allow_patterns=[*FILES, *WEIGHTS])
    except HFValidationError:
        raise DataError(
            f"{who}: there is no folder {model}, and no model on the hub has such a name; "
            "expected a folder or a name such as 'google/vit-base-patch16-224'."
        ) from None
    except (LocalEntryNotFoundError, ConnectionError) as error:
        raise DataError(
            f"{who}: the hub is out of reach, '{model}'{at} is not in its cache on this "
            "machine, and there is no folder of that name; connect, or give the folder of a model."
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise DataError(
            f"{who}: the hub gives out no model '{model}'{at} ({first_line(error)})."
        ) from error
    return Path(place), Path(place).name


def digest_weights(folder: Path, name: str) -> str:
    """Return the SHA-256 of a model's weights, and of those of the parts behind it.

    Raises
    ------
    DataError
        If the folder holds no model, or none in safetensors.
    """
    places = [place for place in (folder, *sorted(folder.glob("[0-9]*_*"))) if place.is_dir()]
    if not any((place / "config.json").is_file() for place in places):
        raise DataError(f"pretrained: {name} holds no model: expected a file config.json in it.")
    files = [path for place in places for path in sorted(p for w in WEIGHTS for p in place.glob(w))]
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


def load_tower(
    folder: Path, name: str, part: str, takes: Collection[str], wanted: str
) -> tuple[nn.Module, frozenset[str], nn.Module | None]:
    """Return the part of a model that takes items of a kind, which of its layers lack weights.

    Behind them is what leads its output into the space of several kinds, where the model has one.

    Parameters
    ----------
    folder : Path
        Where the model lies.
    name : str
        What the user calls it.
    part : str
        Name of that part in a model of several kinds, such as ``"vision_model"``.
    takes : collection of str
        What transformers calls the input of such models, such as ``"pixel_values"``.
    wanted : str
        What it has to be, in words, such as ``"vision model"``.

    Raises
    ------
    DataError
        If the model cannot be read, or is none that takes this.
    """
    from transformers import AutoModel

    try:
        with quiet():
            model, info = AutoModel.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                output_loading_info=True,
                local_files_only=True,
                # Left out, it makes transformers ask at the terminal whether to run the code.
                trust_remote_code=False,
            )
    except UNREADABLE as error:
        raise DataError(
            f"pretrained: cannot read the model of '{name}' ({first_line(error)})."
        ) from error
    prefix = ""
    tower = model
    if hasattr(model, part):
        prefix, tower = f"{part}.", getattr(model, part)
    elif "pixel_values" not in takes and hasattr(model, "encoder") and hasattr(model, "decoder"):
        prefix, tower = "encoder.", model.get_encoder()
    taken = getattr(tower, "main_input_name", "something else")
    if taken not in takes:
        raise DataError(
            f"pretrained: '{name}' is no {wanted} but a {type(model).__name__}, which takes "
            f"{taken}."
        )
    missing = {
        key.removeprefix(prefix).rpartition(".")[0]
        for key in info["missing_keys"]
        if key.startswith(prefix) and key.rpartition(".")[2] not in OF_TRAINING
    }
    strange = sorted(layer for layer in missing if not layer.startswith("pooler"))
    if strange:
        raise DataError(
            f"pretrained: the weights of '{name}' lack those of {len(strange)} of its layers, such "
            f"as '{strange[0]}': they are not of this model."
        )
    return tower.eval(), frozenset(missing), _projection(model, part, info["missing_keys"])


def _projection(model: Any, part: str, missing: Collection[str]) -> nn.Module | None:
    """Return what leads the pooled output of a part to where it is compared with that of others."""
    # SigLIP has none: its texts have to be filled up to a length that its files do not tell.
    name = PROJECTIONS[part]
    if not (hasattr(model, part) and hasattr(model, name)):
        return None
    return None if any(key.startswith(f"{name}.") for key in missing) else getattr(model, name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
