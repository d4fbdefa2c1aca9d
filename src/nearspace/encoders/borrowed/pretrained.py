"""Models that others have trained, by their name on the Hugging Face hub or in a folder."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Audio, Image, Text
from nearspace.data.batches import Batches
from nearspace.encoders.attention import Attention, Attentive
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.hearing import Hearing, load_hearing
from nearspace.encoders.borrowed.language import Language, load_language
from nearspace.encoders.borrowed.models import (
    UNREADABLE,
    Model,
    Request,
    digest_weights,
    find_folder,
    first_line,
)
from nearspace.encoders.borrowed.vision import Vision, load_vision
from nearspace.encoders.layers import Layers
from nearspace.encoders.trainable import Schedule, Trainable
from nearspace.errors import DataError, NearspaceError
from nearspace.learning.device import torch_device

__all__ = ["Pretrained"]

LOADERS = {Image: load_vision, Text: load_language, Audio: load_hearing}


@dataclasses.dataclass(eq=False, repr=False)
class Pretrained(Trainable, Layers, Attentive, Encoder):
    """A pretrained model of images, of texts or of sounds, through the library transformers.

    Pictures go through the model's own image processor, in Pillow's version on every machine; grey
    ones are repeated to three channels. Of a model of images and texts, such as CLIP, the tower of
    their kind alone is used, before the projection into the space that both share.

    Texts go through the model's own tokenizer: those of about the same length together, and equal
    ones once. Of a model for sentence-transformers the pooling, the layers behind it, the length,
    the prompts and the metric are those that its files say; of any other, encoder or decoder, the
    vector is the mean over the tokens. A text that is longer than the model reads is cut, and told.

    Sounds go through the model's own feature extractor, at its own rate, to wav2vec 2.0, HuBERT,
    WavLM, Whisper's encoder, CLAP's audio tower, the audio spectrogram transformer and others. The
    vector is the mean over the frames of the sound, whatever the model fills it up with. Only
    models that are meant to be told what is padded are given sounds of several lengths at once. A
    sound that is longer than the model hears, or than 30 seconds, is heard in windows, and told;
    one that is shorter than it needs is filled up with silence, and told.

    Only safetensors are read, and no code that comes with a model is run. A saved encoder keeps the
    model's name, its revision and the SHA-256 of its weights, not the weights; loading it finds
    them again and refuses others.

    Parameters
    ----------
    model : str
        A folder that ``save_pretrained`` of a model and of its image processor, its tokenizer or
        its feature extractor wrote, or a name on the hub, such as
        ``"google/vit-base-patch16-224"``, ``"sentence-transformers/all-MiniLM-L6-v2"`` or
        ``"microsoft/wavlm-base-plus"``. What is in the hub's cache folder is used where the hub is
        out of reach.
    layer : int or str, default=-1
        A number is one of the model's hidden states: 0 what goes into the first block, i what
        comes out of block i, -1 what the model puts out, after its last normalisation if it has
        one. Of a model that was trained on pairs, as CLIP was, -1 without a ``pool`` is what it
        compares its two sides by: ``shared(pretrained(…))`` searches one by the other. A text is
        the name of a layer, such as ``"layers.3"``.
    pool : {"cls", "mean", "max", "last", "mean_without_sinks", "flatten"}, optional
        What becomes of the tokens, the frames or the places of a feature map; by default what suits
        the model.
        ``"last"``, the last token of a text, is for texts alone, ``"flatten"`` for images. In a
        ``"mean_without_sinks"``, of texts, tokens do not count that many others look at in the
        block whose output is pooled, see Notes.
    prompt : str, optional
        What is put before every text; by default what the model's files say of documents, if they
        do. ``""`` for nothing.
    query_prompt : str, optional
        What is put before a text by which a space is searched, in place of ``prompt``; by default
        what the model's files say of queries, if they do.
    long : {"cut", "chunks"}, default="cut"
        What becomes of a text that is longer than the model reads: its beginning is read, or all of
        it, in pieces whose vectors are put together, each weighted by its length.
    strict : bool, default=False
        Whether a text that is longer than the model reads is an error.
    batch_size : int, default=32
        Images that go through the model at once; of texts, 64 times as many tokens; of sounds, as
        many seconds.
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
        Of the files of weights, in the order of their names.
    default_pool_ : str
        The pool that suits the model.
    metric_ : {"cosine", "dot", "euclidean"}
        By what the vectors are meant to be compared.
    told_ : list of str
        What there was to say of the items of `fit`.

    Notes
    -----
    Attention that need not go anywhere goes to a few tokens that say little [1]_. For
    ``pool="mean_without_sinks"`` the share of the attention that each token gets, in the mean over
    heads and tokens of its own text, is held against the one that it would get if all that a token
    sees were looked at alike. A token counts in full up to four times its fair odds, less from
    there on, and not at all from five times: which ones do hangs on the text alone, and some
    always do. Where none is left behind a prompt that is not pooled, all there count.

    References
    ----------
    .. [1] G. Xiao et al., "Efficient streaming language models with attention sinks", 2023.

    Examples
    --------
    >>> from nearspace import make
    >>> make('pretrained("google/vit-base-patch16-224", pool="mean")@"layers.3"')
    Pretrained(layer='layers.3', model='google/vit-base-patch16-224', pool='mean')
    >>> make('pretrained("intfloat/e5-small-v2", prompt="passage: ", query_prompt="query: ")').spec
    "pretrained(model='intfloat/e5-small-v2', prompt='passage: ', query_prompt='query: ')"
    """

    kinds = frozenset({Image, Text, Audio})
    effort = 3000
    zero_means = "no token that the model knows"
    schedule = Schedule(fewest_steps=40, passes=6, rates=(1e-4, 3e-4))
    revision_: str | None = dataclasses.field(init=False)
    sha256_: str = dataclasses.field(init=False)
    default_pool_: str = dataclasses.field(init=False)
    metric_: str = dataclasses.field(init=False)
    told_: list[str] = dataclasses.field(init=False)
    fit_free_params = frozenset(
        {"layer", "pool", "prompt", "query_prompt", "long", "strict", "batch_size", "device"}
    )
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "model": [str],
        "layer": [Integral, str],
        "pool": [StrOptions({*Vision.pools, *Language.pools, *Hearing.pools}), None],
        "prompt": [str, None],
        "query_prompt": [str, None],
        "long": [StrOptions({"cut", "chunks"})],
        "strict": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "revision": [str, None],
        "device": [str],
    }

    model: str
    _: dataclasses.KW_ONLY
    layer: int | str = -1
    pool: str | None = None
    prompt: str | None = None
    query_prompt: str | None = None
    long: str = "cut"
    strict: bool = False
    batch_size: int = 32
    revision: str | None = None
    device: str = "auto"

    def _fit(self, items: Any, y: Any) -> None:
        folder, self.revision_ = find_folder(self.model, self.revision)
        self.sha256_ = digest_weights(folder, self.model)
        model: Model = LOADERS[type(self.kind_)](folder, self.model)
        self._model = model
        self.default_pool_, self.metric_ = model.own_pool, model.metric
        self._check_asked()
        batch = model.sample(self.kind_)
        try:
            self.layers_ = model.tappable(batch)
            with torch.inference_mode():
                model.vectors(batch, self._asked())
        except NearspaceError:
            raise
        except UNREADABLE as error:
            raise model.unusable(
                f"cannot take single {self.kind_.plural} ({first_line(error)})"
            ) from error
        self.told_ = list(self.notes_on(items))

    def _check_asked(self) -> None:
        """Raise an error if something is asked for that items of the kind do not have."""
        model, kind = self._loaded(), self.kind_.plural
        if self.pool is not None and self.pool not in model.pools:
            raise DataError(
                f"pretrained: pool='{self.pool}' is nothing for {kind}; expected one of "
                f"{', '.join(model.pools)}."
            )
        for name in Language.settings:
            given = getattr(self, name) != getattr(type(self), name)
            if given and name not in model.settings:
                raise DataError(f"pretrained: {name}= is for texts, got {kind}; leave it out.")

    @property
    def metric(self) -> str:  # type: ignore[override]
        """What the files of the model say, else the cosine."""
        return getattr(self, "metric_", "cosine")

    @property
    def spans_kinds(self) -> bool:  # type: ignore[override]
        """Whether its vectors are what a model that was trained on pairs compares them by."""
        asked = self.layer == -1 and self.pool is None
        return asked and self._loaded().projection is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """How many texts or sounds of `fit` are longer than the model takes at once."""
        return tuple(self.told_)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return how many texts or sounds are longer than the model takes at once, and which."""
        return self._loaded().notes_on(self._check(X, reset=False), self._asked())

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
        model = self._loaded()
        assert isinstance(model, Vision)
        return model.input_sides(self.kind_)

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state, or raise unless its weights are those that it had.

        Raises
        ------
        NearspaceError
            If they are others, or cannot be found.
        """
        encoder = super().from_state(params, fitted)
        if not fitted:  # what another one is made of
            return encoder
        folder, _ = find_folder(encoder.model, encoder.revision_)
        sha256 = digest_weights(folder, encoder.model)
        if sha256 != encoder.sha256_:
            raise NearspaceError(
                f"The weights of '{encoder.model}' are not those that the encoder was fitted "
                f"with: expected SHA-256 {encoder.sha256_[:12]}…, got {sha256[:12]}…; fit it again."
            )
        return encoder

    def _loaded(self) -> Model:
        if not hasattr(self, "_model"):
            folder, _ = find_folder(self.model, self.revision_)
            self._model = LOADERS[type(self.kind_)](folder, self.model)
        return self._model

    @property
    def pool_(self) -> str:
        """``pool``, or the one that suits the model; the mean where that is a special one."""
        pool = self.pool or self.default_pool_
        return pool if pool in self._loaded().pools else "mean"

    def _asked(self, of_queries: bool = False) -> Request:
        prompt, model = self.prompt, self._loaded()
        if isinstance(model, Language):
            prompt, query_prompt = model.prompts(self.prompt, self.query_prompt)
            prompt = query_prompt if of_queries else prompt
        device = torch_device(self.device)
        return Request(
            self.layer, self.pool, self.batch_size, device, prompt or "", self.long, self.strict
        )

    @property
    def nets_(self) -> nn.ModuleDict:  # type: ignore[override]
        """The model."""
        return nn.ModuleDict({"model": self._loaded().tower})

    def batches(self, items: Any) -> Batches:
        """Return checked items as they wait for the model to be trained on."""
        return self._loaded().batches(items, self._asked())

    def blank(self, n: int) -> Any:
        """Return a batch of black images, of texts without words, or of silence."""
        return self.batches(self.kind_.blank()).blank(n)

    def vectors(self, nets: nn.ModuleDict, batch: Any) -> Tensor:
        """Return the vectors of a batch, with gradients."""
        model = dataclasses.replace(self._loaded(), tower=nets["model"])
        return model.vectors(batch, self._asked())

    def with_nets(self, nets: nn.ModuleDict) -> Self:
        """Return the fitted encoder with another network of the same shapes."""
        other = copy.copy(self)
        other._model = dataclasses.replace(self._loaded(), tower=nets["model"])
        return other

    def _transform(self, items: Any) -> np.ndarray:
        return self._loaded().embed(items, self._asked())

    def _transform_queries(self, items: Any) -> np.ndarray:
        return self._loaded().embed(items, self._asked(of_queries=True))

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for items; of texts and sounds one vector each."""
        items = self._check(X, reset=False)
        return self._loaded().layer_outputs(items, names, self._asked())

    def attention(self, X: Any) -> Iterator[Attention]:
        """Yield how much the tokens of texts look at one another; of long texts the first piece."""
        return self._loaded().attention(self._check(X, reset=False), self._asked())

    @property
    def _n_features_out(self) -> int:
        model = self._loaded()
        with torch.inference_mode():
            return model.vectors(model.sample(self.kind_), self._asked()).shape[1]
