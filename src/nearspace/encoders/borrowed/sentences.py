"""What the files of sentence-transformers say of a model: pooling, layers behind it, prompts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from nearspace.errors import DataError

__all__ = ["Sentences", "pool_tokens", "read_json_file", "read_sentences"]

# What the files call pools, and what they are called here.
NAMED = {"lasttoken": "last", "mean_sqrt_len_tokens": "mean_sqrt_len"}
# As older files have it: a key a pool, in the order in which vectors are put side by side.
POOL_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "last",
}
DOCUMENTS = ("document", "passage", "corpus")  # by what prompts for what is searched are called


@dataclasses.dataclass(frozen=True, eq=False)
class Sentences:
    """How a model makes one vector of the tokens of a text.

    Attributes
    ----------
    folder : Path
        Where the network itself lies.
    pools : tuple of str
        Several give vectors that stand side by side.
    with_prompt : bool
        Whether tokens of a prompt are pooled with the others.
    layers : tuple of nn.Module
        What the pooled vector goes through.
    unit : bool
        Whether it is then brought to length one.
    prompt, query_prompt : str
        What is put before a text that is searched, and before one that is searched by.
    max_tokens : int or None
        How many tokens of a text are read.
    lowercase : bool
        Whether texts are brought to lower case first.
    metric : {"cosine", "dot", "euclidean"}
        By what vectors are to be compared.
    """

    folder: Path
    pools: tuple[str, ...] = ("mean",)
    with_prompt: bool = True
    layers: tuple[nn.Module, ...] = ()
    unit: bool = False
    prompt: str = ""
    query_prompt: str = ""
    max_tokens: int | None = None
    lowercase: bool = False
    metric: str = "cosine"

    def finished(self, vectors: Tensor) -> Tensor:
        """Return pooled vectors as they leave the model."""
        for layer in self.layers:
            vectors = layer.to(vectors.device)(vectors)
        return nn.functional.normalize(vectors, dim=-1) if self.unit else vectors


def pool_tokens(
    states: Tensor,
    lengths: Tensor,
    pool: str,
    skips: Tensor | None = None,
    counts: Tensor | None = None,
) -> Tensor:
    """Return one vector a text.

    Parameters
    ----------
    states : Tensor of shape (n, tokens, d)
        What stands behind the end of a text, to fill the batch, counts for nothing.
    lengths : Tensor of shape (n,)
        How many tokens each text has, at least one.
    pool : {"cls", "mean", "max", "last", "mean_sqrt_len", "weightedmean", "mean_without_sinks"}
        The first token, the mean, the maximum, the last token of each; the sum divided by the root
        of the length; the mean in which the i-th token counts i times, or as ``counts`` says.
    skips : Tensor of shape (n,), optional
        So many tokens at the beginning of each are left out, where others are left.
    counts : Tensor of shape (n, tokens), optional
        How much tokens count in the mean without sinks; where none of a text does, all count.

    Examples
    --------
    >>> states, lengths = torch.tensor([[[1.0], [3.0], [99.0]], [[1.0], [2.0], [6.0]]]), [2, 3]
    >>> [pool_tokens(states, torch.tensor(lengths), pool).tolist() for pool in ("mean", "last")]
    [[[2.0], [3.0]], [[3.0], [6.0]]]
    """
    n = torch.arange(len(states), device=states.device)
    if pool == "last":
        return states[n, lengths - 1]
    starts = torch.zeros_like(lengths) if skips is None else skips * (lengths > skips)
    if pool == "cls":
        return states[n, starts]
    at = torch.arange(states.shape[1], device=states.device)
    inside = ((at >= starts[:, None]) & (at < lengths[:, None]))[:, :, None]
    if pool == "max":
        return states.masked_fill(~inside, -torch.inf).amax(dim=1)
    weights = inside.to(states.dtype)
    if pool == "weightedmean":
        weights = weights * (at + 1)[None, :, None]
    if pool == "mean_without_sinks" and counts is not None:
        counted = weights * counts[:, :, None]
        weights = torch.where(counted.any(dim=1, keepdim=True), counted, weights)
    totals = (states * weights).sum(dim=1)
    counts = weights.sum(dim=1)
    return totals / (counts.sqrt() if pool == "mean_sqrt_len" else counts)


def read_sentences(folder: Path, name: str) -> Sentences:
    """Return what the files of a model say; of a plain one the mean of its tokens.

    Raises
    ------
    DataError
        If the files cannot be read, or the model has parts that are not known.
    """
    modules = read_json_file(folder / "modules.json", name, [])
    said = read_json_file(folder / "config_sentence_transformers.json", name, {})
    prompts = {key: text for key, text in (said.get("prompts") or {}).items() if text}
    metric = said.get("similarity_fn_name")
    made = Sentences(
        folder,
        prompt=next((prompts[key] for key in DOCUMENTS if key in prompts), ""),
        query_prompt=prompts.get("query", ""),
        metric=metric if metric in ("dot", "euclidean") else "cosine",
    )
    for number, module in enumerate(modules):
        kind, place = str(module["type"]).rpartition(".")[2], folder / module["path"]
        config = read_json_file(place / "config.json", name, {})
        if number == 0 and kind == "Transformer":
            read = read_json_file(place / "sentence_bert_config.json", name, {})
            made = dataclasses.replace(
                made,
                folder=place,
                max_tokens=read.get("max_seq_length"),
                lowercase=bool(read.get("do_lower_case")),
            )
        elif kind == "Pooling":
            with_prompt = bool(config.get("include_prompt", True))
            made = dataclasses.replace(made, pools=_pools(config), with_prompt=with_prompt)
        elif kind in LAYERS:
            layer = _layer(LAYERS[kind], config, place, name)
            made = dataclasses.replace(made, layers=(*made.layers, layer))
        elif kind == "Normalize":
            made = dataclasses.replace(made, unit=True)
        elif kind == "StaticEmbedding":
            raise DataError(
                f"pretrained: '{name}' is a table of token vectors; use static(model='{name}')."
            )
        elif kind != "Dropout":
            raise DataError(
                f"pretrained: the model '{name}' has a part of the type {module['type']}, which is "
                "not known; expected Transformer, then Pooling, Dense, LayerNorm and Normalize."
            )
    return made


def read_json_file(path: Path, name: str, absent: Any) -> Any:
    """Return what a JSON file of a model holds; ``absent`` where there is none."""
    if not path.is_file():
        return absent
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"pretrained: cannot read {path.name} of '{name}' ({error}).") from error
    if not isinstance(read, type(absent)):
        raise DataError(
            f"pretrained: {path.name} of '{name}' holds a {type(read).__name__}, expected a "
            f"{type(absent).__name__}."
        )
    return read


def _pools(config: Mapping[str, Any]) -> tuple[str, ...]:
    given = config.get("pooling_mode") or [
        pool for key, pool in POOL_KEYS.items() if config.get(key)
    ]
    names = [given] if isinstance(given, str) else given or ["mean"]
    return tuple(NAMED.get(each, each) for each in names)


class Dense(nn.Module):
    """A linear layer with an activation, as sentence-transformers puts one behind the pooling."""

    def __init__(self, config: Mapping[str, Any]):
        super().__init__()
        inputs, outputs = config["in_features"], config["out_features"]
        self.linear = nn.Linear(inputs, outputs, bias=config.get("bias", True))
        named = config.get("activation_function", "torch.nn.modules.activation.Tanh")
        activation = getattr(nn, str(named).rpartition(".")[2])
        if not str(named).startswith("torch.nn.") or not issubclass(activation, nn.Module):
            raise ValueError(f"the activation {named} is none of torch.nn")
        self.activation = activation()
        self.residual: nn.Module | None = None
        self.adds = bool(config.get("use_residual"))
        if self.adds and inputs != outputs:
            self.residual = nn.Linear(inputs, outputs, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        made = self.activation(self.linear(vectors))
        if not self.adds:
            return made
        return made + (vectors if self.residual is None else self.residual(vectors))


class Norm(nn.Module):
    """Layer normalisation behind the pooling."""

    def __init__(self, config: Mapping[str, Any]):
        super().__init__()
        self.norm = nn.LayerNorm(config["dimension"])

    def forward(self, vectors: Tensor) -> Tensor:
        return self.norm(vectors)


LAYERS: dict[str, Callable[[Mapping[str, Any]], nn.Module]] = {"Dense": Dense, "LayerNorm": Norm}


def _layer(
    make: Callable[[Mapping[str, Any]], nn.Module], config: Any, place: Path, name: str
) -> nn.Module:
    """Return a layer with its weights."""
    weights = place / "model.safetensors"
    if not weights.is_file():
        raise DataError(
            f"pretrained: the part {place.name} of '{name}' has no model.safetensors; weights in "
            "other formats may hold code and are not read, so save the model anew."
        )
    try:
        layer = make(config)
        layer.load_state_dict(load_file(weights))
    except (SafetensorError, RuntimeError, LookupError, TypeError, ValueError, AttributeError) as e:
        raise DataError(f"pretrained: cannot read the part {place.name} of '{name}' ({e}).") from e
    return layer.eval()
