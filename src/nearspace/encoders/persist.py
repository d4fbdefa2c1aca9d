"""Loading encoders and decoders that were written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nearspace.encoders import saved_class
from nearspace.encoders.base import FILES, Encoder
from nearspace.encoders.decoder import DECODER_FILES, Decoder
from nearspace.encoders.state import read
from nearspace.errors import NearspaceError

__all__ = ["load_encoder", "parse_decoder", "parse_encoder"]


def load_encoder(path: str | Path) -> Encoder:
    """Return the fitted encoder that `Encoder.save` wrote into a folder.

    Parameters
    ----------
    path : str or Path
        The folder.

    Returns
    -------
    Encoder
        Transforms as the saved one did. Only classes of nearspace are ever built, and nothing in
        the folder is run.

    Raises
    ------
    NearspaceError
        If the folder holds no encoder, one of a newer format, or weights of another shape.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import load, make
    >>> digits = load("digits").items
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_encoder(make("pca(dim=4)").fit(digits).save(folder))
    >>> again.transform(digits[:2]).shape
    (2, 4)
    """
    try:
        files = {name: (Path(path) / name).read_bytes() for name in FILES}
    except OSError as error:
        raise NearspaceError(
            f"{path} holds no saved encoder: expected {' and '.join(FILES)} as Encoder.save "
            f"writes them ({error})."
        ) from error
    return parse_encoder(files, str(path))


def parse_encoder(files: Mapping[str, bytes], path: str) -> Encoder:
    """Return the encoder that `Encoder.dump` wrote; ``path`` is where to errors say it lies."""
    return read(files, FILES, path, saved_class, Encoder)


def parse_decoder(files: Mapping[str, bytes], path: str) -> Decoder:
    """Return the decoder that `Decoder.dump` wrote; ``path`` is where to errors say it lies."""
    return read(files, DECODER_FILES, path, saved_class, Decoder)
