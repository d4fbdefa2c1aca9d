"""`Hearing`: a model that takes sounds, and how they go through it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nearspace.data import Kind
from nearspace.data.sound import Sound, resampled_sound
from nearspace.data.tokens import token_batches
from nearspace.encoders.borrowed.models import (
    UNREADABLE,
    Model,
    Request,
    first_line,
    load_tower,
    quiet,
)
from nearspace.encoders.borrowed.sentences import pool_tokens
from nearspace.encoders.borrowed.vision import PROCESSORS
from nearspace.encoders.borrowed.windows import Prepared, Sounds, SoundWindow
from nearspace.errors import DataError
from nearspace.learning.progress import tell_embedded
from nearspace.learning.threads import side_by_side, threads_for
from nearspace.nets.layers import as_vectors

__all__ = ["Hearing", "load_hearing"]

SECONDS_AT_ONCE = 30  # of a sound, where the model sets no bound: attention grows with its square
FRAME_RATE = 50  # frames a second that most models have, by which windows are put together
NAMED = 3  # sounds that a note names
# The tokens of a whole sound that some models put before its frames.
MARKS = ("cls_token", "distillation_token")


@dataclasses.dataclass(frozen=True, eq=False)
class Hearing(Model):
    """A model that takes sounds, and what prepares them for it.

    Sounds go through it together that are of one length, so that none is padded: few models see
    what is padded, and what those that do not make of a sound hangs on what is beside it. Models
    that are meant to be given masks take those of nearly one length.

    Attributes
    ----------
    extractor : transformers feature extractor
        Turns samples into its input.
    """

    pools = ("cls", "mean", "max")
    settings = ()

    extractor: Any
    _axes: dict[str, int] = dataclasses.field(init=False, default_factory=dict)

    @property
    def own_pool(self) -> str:
        """The tokens of the whole sound where the model has some, else the mean over frames."""
        return "cls" if self.n_marks else "mean"

    @functools.cached_property
    def n_marks(self) -> int:
        """How many tokens of the whole sound stand before its frames."""
        return sum(name.endswith(MARKS) for name, _ in self.tower.named_parameters())

    @property
    def rate(self) -> int:
        """Samples a second that it takes."""
        return int(self.extractor.sampling_rate)

    @functools.cached_property
    def filled_up_to(self) -> int | None:
        """How many samples the extractor makes of every sound; None where as many as there are."""
        for name in ("n_samples", "nb_max_samples"):  # of Whisper, of CLAP
            if hasattr(self.extractor, name):
                return int(getattr(self.extractor, name))
        frames = getattr(self.extractor, "max_length", None)  # of AST: 25 ms, one every 10 ms
        return (frames - 1) * self.rate // 100 + self.rate // 40 if frames else None

    @property
    def most_samples(self) -> int:
        """How many samples it hears at once."""
        return self.filled_up_to or SECONDS_AT_ONCE * self.rate

    @functools.cached_property
    def fewest_samples(self) -> int:
        """How many samples it needs: those of a frame of 25 ms, or what its convolutions see."""
        fewest = self.rate // 40
        if self._frames_of is not None and self._takes_samples:
            while self._frames_of(torch.tensor(fewest)) < 1:
                fewest += 1
        return fewest

    @property
    def _frames_of(self) -> Callable[[Tensor], Tensor] | None:
        """What says how many frames the model makes of so many steps of its input."""
        return getattr(self.tower, "_get_feat_extract_output_lengths", None)

    @property
    def _takes_samples(self) -> bool:
        return self.tower.main_input_name == "input_values" and not self.n_marks

    @functools.cached_property
    def is_masked(self) -> bool:
        """Whether it is meant to be told which samples are padded, and makes nothing of them.

        Of those whose first convolution is normalised over time, such as wav2vec2-base, silence
        behind a sound changes every frame.
        """
        config: Any = self.tower.config
        return (
            self._takes_samples
            and bool(getattr(self.extractor, "return_attention_mask", False))
            and getattr(config, "feat_extract_norm", "group") == "layer"
            and not getattr(config, "add_adapter", False)
            and not hasattr(config, "num_buckets")  # of WavLM, which mixes masks of two types
        )

    def windows(self, items: list[Sound]) -> list[SoundWindow]:
        """Return what goes through the model for sounds: of long ones several windows."""
        windows = []
        for row, sound in enumerate(items):
            n, most = len(sound.samples), max(1, self.most_samples * sound.rate // self.rate)
            ends = [min(start + most, n) for start in range(0, n, most)]
            starts = [0, *ends[:-1]]
            windows += [
                SoundWindow(row, start, end, (end - start) / n)
                for start, end in zip(starts, ends, strict=True)
            ]
        return windows

    def prepared(
        self, items: list[Sound], windows: list[SoundWindow], device: torch.device
    ) -> Prepared:
        """Return the batch of some windows, on a device."""
        try:
            made = [self._extracted(items[each.row], each) for each in windows]
        except UNREADABLE as error:
            raise self.unusable(
                f"has a feature extractor that cannot take the sounds ({first_line(error)})"
            ) from error
        masks = [each.pop("attention_mask", np.ones(1)) for each in made]
        inputs = {name: _filled_up([each[name] for each in made]) for name in made[0]}
        mask = _filled_up(masks)
        inputs = {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in inputs.items()
        }
        takes_mask = "attention_mask" in self.extractor.model_input_names
        if not mask.all() and takes_mask and (self.is_masked or not self._takes_samples):
            inputs["attention_mask"] = mask.long()
        return Prepared(inputs, mask.sum(dim=1).long(), mask.shape[1]).to(device)

    def _extracted(self, sound: Sound, window: SoundWindow) -> dict[str, np.ndarray]:
        """Return the input of the model for a window, ``(…)`` each."""
        part = Sound(sound.samples[window.start : window.stop], sound.rate)
        samples = resampled_sound(part, self.rate).samples[: self.most_samples]
        silence = max(0, self.fewest_samples - len(samples))
        made = self.extractor(
            np.pad(samples, (0, silence)),
            sampling_rate=self.rate,
            return_attention_mask=True,
            return_tensors="np",
        )
        return {name: np.asarray(array)[0] for name, array in made.items()}

    def noise(self, seconds: float) -> Prepared:
        """Return a batch of two sounds of noise."""
        rng = np.random.default_rng(0)
        n = int(seconds * self.rate)
        samples = rng.normal(scale=0.1, size=(2, n)).astype(np.float32)
        items = [Sound(each, self.rate) for each in samples]
        return self.prepared(items, self.windows(items), next(self.tower.parameters()).device)

    def sample(self, kind: Kind) -> Prepared:
        """Return two sounds of noise."""
        return self.noise(0.5)

    def pooled(self, output: Tensor, batch: Prepared, asked: Request) -> Tensor:
        """Return what a layer puts out as vectors; what is of the padding counts for nothing."""
        pool = asked.pool or self.own_pool
        if pool == "cls" != self.own_pool:
            raise self.unusable("has no token of the whole sound; use pool='mean'")
        if output.ndim == 2:
            return output
        if output.ndim > 3:  # a map of pitch and time, which the sound fills
            return as_vectors(output, pool)
        if isinstance(asked.layer, str) and self._time_axis(asked.layer) == 2:
            output = output.transpose(1, 2)
        if self.n_marks and pool == "cls":
            return output[:, : self.n_marks].mean(dim=1)
        if self.n_marks:
            raise self.unusable(
                "fills its patches up with what is no sound, and does not tell which those are; "
                "use pool='cls'"
            )
        return pool_tokens(output, self._frames(batch, output.shape[1]), pool)

    def _frames(self, batch: Prepared, n: int) -> Tensor:
        """Return how many of the ``n`` frames of each window are of the sound."""
        count = self._frames_of
        if count is not None and int(count(torch.tensor(batch.steps))) == n:
            return count(batch.lengths).clamp(min=1)
        return (batch.lengths * n / batch.steps).ceil().long()

    def _time_axis(self, layer: str) -> int:
        """Return along which axis a layer puts out more for a longer sound."""
        if layer not in self._axes:
            shapes = [self.tap([layer], self.noise(s))[layer].shape for s in (0.5, 1.0)]
            grown = [axis for axis in (1, 2) if shapes[0][axis] != shapes[1][axis]]
            # Where all sounds are filled up to one length, what puts channels first is known.
            fixed = 1 + isinstance(self.tower.get_submodule(layer), nn.Conv1d)
            self._axes[layer] = grown[0] if grown else fixed
        return self._axes[layer]

    def batches(self, items: list[Sound], asked: Request) -> Sounds:
        """Return sounds as they wait to be trained on."""
        return Sounds(self, items)

    def embed(self, items: list[Sound], asked: Request) -> np.ndarray:
        """Return the vectors of sounds."""
        (vectors,) = self._map(items, asked, lambda batch: [self.vectors(batch, asked)])
        return vectors.numpy()

    def layer_outputs(
        self, items: list[Sound], names: list[str], asked: Request
    ) -> dict[str, Tensor]:
        """Return what layers put out for sounds, one vector made of the frames of each."""
        each = {name: dataclasses.replace(asked, layer=name) for name in names}
        asked = dataclasses.replace(asked, layer="")

        def pooled(batch: Prepared) -> list[Tensor]:
            outputs = self.tap(names, batch)
            return [self.pooled(outputs[name], batch, each[name]) for name in names]

        return dict(zip(names, self._map(items, asked, pooled), strict=True))

    def notes_on(self, items: list[Sound], asked: Request) -> tuple[str, ...]:
        """Return how many sounds are longer than is heard at once, or shorter than is needed."""
        seconds = np.array([sound.seconds for sound in items])
        most, fewest = self.most_samples / self.rate, self.fewest_samples / self.rate
        longer = _told(seconds, np.flatnonzero(seconds > most), "longer")
        shorter = _told(seconds, np.flatnonzero(seconds < fewest), "shorter")
        notes = []
        if longer:
            notes.append(
                f"{longer[0]} than the {most:g} s that '{self.name}' hears at once ({longer[1]}): "
                "each is heard in windows, whose vectors count by their lengths."
            )
        if shorter:
            notes.append(
                f"{shorter[0]} than the {fewest:g} s that '{self.name}' needs ({shorter[1]}): each "
                "is filled up with silence."
            )
        return tuple(notes)

    def _map(
        self, items: list[Sound], asked: Request, function: Callable[[Prepared], list[Tensor]]
    ) -> list[Tensor]:
        """Return what a function makes of sounds, in whose order it comes."""
        self.tower.to(asked.device)
        windows = self.windows(items)
        if not windows:
            with torch.inference_mode():
                made = function(self.noise(0.5))
            return [torch.zeros(0, part.shape[1]) for part in made]
        batches = self._together(items, windows, asked)

        def run(rows: np.ndarray) -> list[Tensor]:
            batch = self.prepared(items, [windows[row] for row in rows], asked.device)
            with torch.inference_mode():
                return [made.float().cpu() for made in function(batch)]

        def run_alone(rows: np.ndarray) -> list[Tensor]:
            with threads_for(np.inf):
                return run(rows)

        several = len(batches) > 1 and asked.device.type == "cpu"
        outputs = side_by_side(run, batches) if several else map(run_alone, batches)
        columns: list[Tensor] = []
        n_windows = 0
        for rows, made in zip(batches, outputs, strict=True):
            if not columns:
                columns = [torch.zeros(len(items), part.shape[1]) for part in made]
            at = torch.tensor([windows[row].row for row in rows])
            shares = torch.tensor([[windows[row].share] for row in rows])
            for column, part in zip(columns, made, strict=True):
                column.index_add_(0, at, part * shares)
            n_windows += len(rows)
            tell_embedded(len(items) * n_windows / len(windows), len(items))
        return columns

    def _together(
        self, items: list[Sound], windows: list[SoundWindow], asked: Request
    ) -> list[np.ndarray]:
        """Return which windows go through the model together, as many seconds as it is asked."""
        seconds = np.array([(each.stop - each.start) / items[each.row].rate for each in windows])
        if self.filled_up_to is not None:
            seconds[:] = self.filled_up_to / self.rate
        frames = np.ceil(np.maximum(seconds, 1 / FRAME_RATE) * FRAME_RATE).astype(np.int64)
        most = asked.batch_size * FRAME_RATE
        # What a layer within makes of the padding is not known, but behind the last of them it is.
        if self.is_masked and not isinstance(asked.layer, str):
            return token_batches(frames, most)
        _, group = np.unique(seconds, return_inverse=True)
        batches = []
        for rows in np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]):
            size = max(1, most // int(frames[rows[0]]))
            batches += [rows[start : start + size] for start in range(0, len(rows), size)]
        return batches


def _told(seconds: np.ndarray, rows: np.ndarray, how: str) -> tuple[str, str] | None:
    """Return how many sounds are longer or shorter, and the first of them; None for none."""
    if not len(rows):
        return None
    named = ", ".join(f"item {row} has {seconds[row]:.3g} s" for row in rows[:NAMED].tolist())
    is_so = "is" if len(rows) == 1 else "are"
    more = ", …" if len(rows) > NAMED else ""
    return f"{len(rows):,} of {len(seconds):,} sounds {is_so} {how}", named + more


def _filled_up(arrays: list[np.ndarray]) -> Tensor:
    """Return arrays as one tensor, those that are shorter filled up with zeros."""
    longest = max(len(array) for array in arrays)
    if any(len(array) < longest for array in arrays):
        wide = [[(0, longest - len(array)), *[(0, 0)] * (array.ndim - 1)] for array in arrays]
        arrays = [np.pad(array, each) for array, each in zip(arrays, wide, strict=True)]
    return torch.from_numpy(np.stack(arrays))


def load_hearing(folder: Path, name: str) -> Hearing:
    """Return the part of a model that takes sounds, and its feature extractor.

    Raises
    ------
    DataError
        If the model or the extractor cannot be read, or the model takes no sounds.
    """
    from transformers import AutoFeatureExtractor

    takes = ("input_values", "input_features")
    tower, missing, projection = load_tower(folder, name, "audio_model", takes, "model of sounds")
    if not any((folder / file).is_file() for file in PROCESSORS):
        raise DataError(
            f"pretrained: '{name}' has no feature extractor, which says how its sounds are "
            f"prepared: expected {PROCESSORS[0]}, as save_pretrained of an AutoFeatureExtractor "
            "writes it."
        )
    tower.register_forward_pre_hook(_unpacked, with_kwargs=True)
    try:
        with quiet():
            extractor = AutoFeatureExtractor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        if not extractor.sampling_rate > 0:
            raise ValueError(f"it has the sampling rate {extractor.sampling_rate}")
    except UNREADABLE as error:
        raise DataError(
            f"pretrained: cannot read the feature extractor of '{name}' ({first_line(error)})."
        ) from error
    return Hearing(name, tower, missing, projection, extractor)


def _unpacked(tower: nn.Module, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """Return the arguments of a model that is given windows of sounds."""
    return (), args[0].inputs | settings
