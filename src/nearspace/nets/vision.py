"""Pretrained vision models of the library transformers: found, checked, loaded, run."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from nearspace.errors import DataError, MissingExtra, NearspaceError
from nearspace.nets.layers import tap

__all__ = ["UNREADABLE", "Vision", "digest_weights", "find_folder", "first_line", "load_vision"]

WEIGHTS = ("model.safetensors", "model-*.safetensors")
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
FILES = ("config.json", *PROCESSORS, "*.index.json")
# Whatever transformers raises on a folder, or a batch, that it cannot make sense of.
UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RuntimeError,
    SafetensorError,
)  # fmt: skip


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
        If the library that downloads is not installed.
    DataError
        If there is neither a folder nor a model of the name, or the hub is out of reach.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise DataError(f"pretrained: the folder {model} has no revisions, got '{revision}'.")
        return folder, None
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )
    except ImportError:
        raise MissingExtra("The encoder 'pretrained'", "pretrained") from None
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
    MissingExtra
        If transformers is not installed.
    DataError
        If the model or the processor cannot be read, or the model takes no images.
    """
    try:
        from transformers import AutoImageProcessor, AutoModel
    except ImportError:
        raise MissingExtra("The encoder 'pretrained'", "pretrained") from None
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
