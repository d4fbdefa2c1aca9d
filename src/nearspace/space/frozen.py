"""`Frozen`: an encoder that was fitted before, as it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Self

from nearspace.data import Kind, Target
from nearspace.encoders.around import Around
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import load_encoder
from nearspace.errors import DataError, NearspaceError
from nearspace.space.formats import open_space

__all__ = ["Frozen"]


@dataclasses.dataclass(eq=False, repr=False)
class Frozen(Around):
    """An encoder that was fitted before, on other data, as it is.

    Nothing is learnt here. ``finetuned(frozen("digits.space"))`` goes on from it with labels.

    Parameters
    ----------
    path : str
        A ``.space`` file, or a folder that `Encoder.save` wrote.

    Attributes
    ----------
    encoder_ : Encoder
        What was fitted.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import load, make
    >>> digits = load("digits").items
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = make("pca(dim=4)").fit(digits[:900]).save(folder)
    ...     again = Frozen(str(path)).fit(digits[900:])
    >>> again.transform(digits[:2]).shape
    (2, 4)
    """

    kinds = Kind.registry.values()
    takes_sparse = True
    effort = 100
    encoder_: Encoder = dataclasses.field(init=False)
    _parameter_constraints: ClassVar[dict[str, list]] = {"path": [str]}

    path: str

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> tuple[Any, Target | None]:
        """Find the encoder, and check that it takes the items."""
        self._validate_params()
        self.encoder_ = inner = self._saved()
        if kind is not None and type(kind) is not type(inner.kind_):
            raise DataError(
                f"frozen: the encoder of {self.path} takes {inner.kind_.plural}, got {kind.plural}."
            )
        checked = inner._check(items, reset=False)
        self.kind_ = inner.kind_
        if hasattr(inner, "n_features_in_"):
            self.n_features_in_ = inner.n_features_in_
        self.n_samples_fit_ = int(checked.shape[0] if hasattr(checked, "shape") else len(checked))
        return checked, None

    def _saved(self) -> Encoder:
        path = Path(self.path)
        if path.suffix != ".space":
            return load_encoder(path)
        encoder = open_space(path).encoder
        if encoder is None:
            raise NearspaceError(f"frozen: {self.path} holds no encoder, only vectors.")
        return encoder

    def _fit(self, items: Any, y: Any) -> None:
        pass

    def _check(self, X: Any, reset: bool) -> Any:
        return self.encoder_._check(X, reset=False)

    @property
    def inner(self) -> Encoder:
        """The encoder that was fitted."""
        return self.encoder_ if hasattr(self, "encoder_") else self._saved()

    @property
    def parts(self) -> list[Encoder]:
        """It alone: what it holds is not fitted again."""
        return [self]

    @property
    def is_reproducible(self) -> bool:
        """Never: the spec says which file, and not what is in it."""
        return False

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the encoder."""
        return self.encoder_.metric

    @property
    def notes(self) -> tuple[str, ...]:
        """That whoever fitted it may have seen these items."""
        spec = self.encoder_.spec
        return (
            f"It is '{spec}', fitted before on {self.encoder_.n_samples_fit_:,} items: if items of "
            "the test were among them, its score flatters.",
        )

    def check_whole(self) -> None:
        """Raise an error unless the encoder is whole."""
        self._check_kind()
        self.encoder_.check_whole()

    def without_decoder(self) -> Self:
        """Return it with no more than its vectors need."""
        bare = dataclasses.replace(self)
        bare.__dict__.update(vars(self))
        bare.encoder_ = self.encoder_.without_decoder()
        return bare
