"""`Language`: a model that takes texts, and how they go through it fast."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nearspace.data import Kind, Text
from nearspace.data.tokens import TOKENS_AN_ITEM, token_batches
from nearspace.encoders.attention import Attention
from nearspace.encoders.blocks import text_blocks
from nearspace.encoders.borrowed.attending import WITHOUT_SINKS, Attending
from nearspace.encoders.borrowed.models import (
    UNREADABLE,
    Model,
    Request,
    first_line,
    load_tower,
    quiet,
)
from nearspace.encoders.borrowed.sentences import Sentences, pool_tokens, read_sentences
from nearspace.encoders.borrowed.tokens import Piece, Texts, Tokens
from nearspace.errors import DataError
from nearspace.learning.progress import tell_embedded
from nearspace.learning.threads import side_by_side, threads_for

__all__ = ["Language", "load_language"]

TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
NAMED, SHOWN = 3, 30  # texts that a note names, and characters of each
UNBOUNDED = 2**20  # where nothing says how many tokens a model reads, libraries write more


@dataclasses.dataclass(frozen=True, eq=False)
class Language(Model):
    """A model that takes texts, and what makes tokens of them.

    Attributes
    ----------
    tokenizer : transformers tokenizer
        Makes tokens of texts.
    sentences : Sentences
        How one vector is made of them.
    max_tokens : int or None
        How many the model reads of a text, those that mark its ends among them.
    """

    pools = ("cls", "mean", "max", "last", WITHOUT_SINKS)
    settings = ("prompt", "query_prompt", "long", "strict")

    tokenizer: Any
    sentences: Sentences
    max_tokens: int | None

    @property
    def own_pool(self) -> str:
        """What its files say."""
        return "+".join(self.sentences.pools)

    @property
    def metric(self) -> str:
        """What its files say."""
        return self.sentences.metric

    def prompts(self, prompt: str | None, query_prompt: str | None) -> tuple[str, str]:
        """Return what is put before documents and before queries, where these are given or not."""
        said = self.sentences
        return (
            said.prompt if prompt is None else prompt,
            said.query_prompt if query_prompt is None else query_prompt,
        )

    def sample(self, kind: Kind) -> Tokens:
        """Return two texts of different lengths."""
        read = self.read(["near means alike, and far means other", "far"])
        return self.batch_of([pieces[0] or [0] for pieces in read])

    def batch_of(self, ids: list[list[int]]) -> Tokens:
        """Return tokens, given by their numbers, as the model takes them."""
        pieces = [Piece(row, numbers, 0, 1.0) for row, numbers in enumerate(ids)]
        return self.tokens_of(pieces, next(self.tower.parameters()).device)

    def pooled(self, output: Tensor, batch: Tokens, asked: Request) -> Tensor:
        """Return what a layer puts out as vectors."""
        if output.ndim == 2:
            return output
        pools = self.sentences.pools if asked.pool is None else (asked.pool,)
        vectors = torch.cat(
            [pool_tokens(output, batch.lengths, pool, batch.skips, batch.counts) for pool in pools],
            dim=1,
        )
        return self.sentences.finished(vectors) if _is_own(asked) else vectors

    @functools.cached_property
    def attending(self) -> Attending:
        """The model as its attention is seen."""
        return Attending(self)

    def vectors(self, batch: Tokens, asked: Request) -> Tensor:
        """Return the vectors of a batch, where it lies, with gradients."""
        if asked.pool == WITHOUT_SINKS:
            return self.attending.vectors(batch, asked)
        return super().vectors(batch, asked)

    def attention(self, items: list[str], asked: Request) -> Iterator[Attention]:
        """Yield what the tokens of texts look at; of long ones those of the first piece."""
        return self.attending.attention(items, asked)

    def embed(self, items: list[str], asked: Request) -> np.ndarray:
        """Return the vectors of texts; equal ones go through the model once."""
        if asked.strict:
            self.notes_on(items, asked)
        (vectors,) = self._map(items, asked, lambda batch: [self.vectors(batch, asked)])
        return vectors.numpy()

    def layer_outputs(
        self, items: list[str], names: list[str], asked: Request
    ) -> dict[str, Tensor]:
        """Return what layers put out for texts, one vector made of the tokens of each."""
        asked = dataclasses.replace(asked, layer="")

        def pooled(batch: Tokens) -> list[Tensor]:
            outputs = self.tap(names, batch)
            if asked.pool != WITHOUT_SINKS:
                return [self.pooled(outputs[name], batch, asked) for name in names]
            weights = self.attending.run(batch)[0]
            batches = [self.attending.without_sinks(batch, weights, name) for name in names]
            return [
                self.pooled(outputs[name], each, asked)
                for name, each in zip(names, batches, strict=True)
            ]

        return dict(zip(names, self._map(items, asked, pooled), strict=True))

    def notes_on(self, items: list[str], asked: Request) -> tuple[str, ...]:
        """Return how many texts are longer than the model reads, or made of no token it knows.

        Where ``strict``, the first is an error.
        """
        counts = np.zeros(len(items), dtype=np.int64)
        unknown = []
        for rows, texts in text_blocks(items):
            read = self.read(texts, asked.prompt)
            bare = self.read(texts) if asked.prompt else read
            for row, pieces in enumerate(read, rows.start):
                if len(pieces) > 1:
                    counts[row] = sum(map(len, pieces)) - self._n_marks * (len(pieces) - 1)
                if self._knows_nothing_of(bare[row - rows.start]):
                    unknown.append(row)
        longer = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        notes = _told_of_unknown(items, unknown, self.name)
        if not len(longer):
            return notes
        named = ", ".join(
            f"item {row} '{items[row][:SHOWN].strip()}…' has {counts[row]:,}"
            for row in longer[:NAMED].tolist()
        )
        more = ", …" if len(longer) > NAMED else ""
        is_longer = "is" if len(longer) == 1 else "are"
        told = (
            f"{len(longer):,} of {len(items):,} texts {is_longer} longer than the "
            f"{self.max_tokens:,} tokens that '{self.name}' reads ({named}{more})"
        )
        if asked.strict:
            raise DataError(
                f"pretrained: {told}; shorten them, or ask for long='chunks', or leave out strict."
            )
        if asked.long == "chunks":
            return (*notes, f"{told}: their vectors are means of pieces.")
        return (*notes, f"{told}: the rest is not read; long='chunks' reads all of it.")

    def _knows_nothing_of(self, pieces: list[list[int]]) -> bool:
        """Return whether all tokens of a text are that of what the model does not know."""
        unknown = self.tokenizer.unk_token_id
        inside = {token for ids in pieces for token in ids} - self._marks
        return inside == {unknown}

    @functools.cached_property
    def _marks(self) -> set[int]:
        """Tokens that mark the ends of texts and fill them up."""
        return {*self.tokenizer.all_special_ids} - {self.tokenizer.unk_token_id}

    def read(self, texts: list[str], prompt: str = "") -> list[list[list[int]]]:
        """Return the numbers of the tokens of each text, in as many pieces as the model needs."""
        texts = [prompt + text for text in texts]
        if self.sentences.lowercase:
            texts = [text.lower() for text in texts]
        if self.tokenizer.is_fast:
            return [
                [each.ids, *(more.ids for more in each.overflowing)]
                for each in self.tokenizer.backend_tokenizer.encode_batch_fast(texts)
            ]
        room = UNBOUNDED if self.max_tokens is None else self.max_tokens - self._n_marks
        pieces = []
        for text in texts:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            parts = [ids[start : start + room] for start in range(0, max(1, len(ids)), room)]
            pieces.append([self.tokenizer.build_inputs_with_special_tokens(part) for part in parts])
        return pieces

    @functools.cached_property
    def n_rows(self) -> int:
        """How many tokens the model has vectors of, as many as are wanted where it has no table."""
        tower: Any = self.tower
        return getattr(tower.get_input_embeddings(), "num_embeddings", UNBOUNDED)

    @functools.cached_property
    def _n_marks(self) -> int:
        """How many tokens mark the ends of a text."""
        return self.tokenizer.num_special_tokens_to_add(pair=False)

    def pieces(self, texts: list[str], asked: Request) -> list[Piece]:
        """Return what goes through the model for texts; nothing for one without a token."""
        skip = 0
        if asked.prompt and not self.sentences.with_prompt:
            skip = len(self.read([asked.prompt])[0][0])
            skip -= min(self._n_marks, 1)  # the mark of its end
        pieces = []
        for row, parts in enumerate(self.read(texts, asked.prompt)):
            read = [ids for ids in (parts if asked.long == "chunks" else parts[:1]) if ids]
            total = sum(map(len, read))
            pieces += [
                Piece(row, ids, 0 if at else skip, len(ids) / total) for at, ids in enumerate(read)
            ]
        return pieces

    def tokens_of(self, pieces: list[Piece], device: torch.device) -> Tokens:
        """Return the batch of some pieces, on a device."""
        lengths = torch.tensor([len(piece.ids) for piece in pieces])
        ids = torch.full((len(pieces), int(lengths.max())), self.tokenizer.pad_token_id or 0)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece.ids)] = torch.tensor(piece.ids)
        if ids.max() >= self.n_rows:
            raise self.unusable(
                f"has {self.n_rows:,} tokens and its tokenizer gives number "
                f"{int(ids.max()):,}: they are not of one model"
            )
        skips = torch.tensor([piece.skip for piece in pieces])
        return Tokens(ids.to(device), lengths.to(device), skips.to(device))

    def token_names(self, ids: list[int]) -> list[str]:
        """Return how tokens read, each by itself; a part of a sign has the tokenizer's name."""
        named = [self.tokenizer.decode([number]) for number in ids]
        own = self.tokenizer.convert_ids_to_tokens(ids)
        whole = (name.strip(" ") and "\N{REPLACEMENT CHARACTER}" not in name for name in named)
        return [
            name.strip(" ") if is_whole else str(other)
            for name, other, is_whole in zip(named, own, whole, strict=True)
        ]

    def batches(self, items: list[str], asked: Request) -> Texts:
        """Return texts as they wait to be trained on: of long ones the first piece."""
        pieces = self.pieces(items, dataclasses.replace(asked, long="cut"))
        by_row = {piece.row: piece for piece in pieces}
        mark = self.tokenizer.pad_token_id or 0  # of a text without a token
        empty = [Piece(row, [mark], 0, 1.0) for row in range(len(items))]
        return Texts(self, [by_row.get(piece.row, piece) for piece in empty])

    def _map(
        self, items: list[str], asked: Request, function: Callable[[Tokens], list[Tensor]]
    ) -> list[Tensor]:
        """Return what a function makes of texts, in whose order it comes."""
        rows = {text: row for row, text in enumerate(dict.fromkeys(items))}
        self.tower.to(asked.device)
        parts = [
            self._of_block(texts, asked, function, (block.start, len(rows)))
            for block, texts in text_blocks(list(rows))
        ]
        whole = [torch.cat(columns) for columns in zip(*parts, strict=True)]
        if len(rows) == len(items):
            return whole
        order = torch.tensor([rows[text] for text in items])
        return [column[order] for column in whole]

    def _of_block(
        self,
        texts: list[str],
        asked: Request,
        function: Callable[[Tokens], list[Tensor]],
        done: tuple[int, int],
    ) -> list[Tensor]:
        """Return what a function makes of texts that are sorted by their lengths at once."""
        pieces = self.pieces(texts, asked)
        if not pieces:  # no text has a token, and how many numbers a vector has, others say
            with torch.inference_mode():
                made = function(self.sample(Text()))
            return [torch.zeros(len(texts), part.shape[1]) for part in made]
        lengths = np.array([len(piece.ids) for piece in pieces])
        most = TOKENS_AN_ITEM * asked.batch_size
        if asked.pool == WITHOUT_SINKS:
            most = min(most, self.attending.tokens_at_once(lengths))
        batches = token_batches(lengths, most)

        def run(rows: np.ndarray) -> list[Tensor]:
            batch = self.tokens_of([pieces[row] for row in rows], asked.device)
            with torch.inference_mode():
                return [made.float().cpu() for made in function(batch)]

        def run_alone(rows: np.ndarray) -> list[Tensor]:
            with threads_for(2.0 * self._n_weights * int(lengths[rows].sum())):
                return run(rows)

        several = len(batches) > 1 and asked.device.type == "cpu"
        outputs = side_by_side(run, batches) if several else map(run_alone, batches)
        columns: list[Tensor] = []
        n_tokens = 0
        for rows, made in zip(batches, outputs, strict=True):
            if not columns:
                columns = [torch.zeros(len(texts), part.shape[1]) for part in made]
            at = torch.tensor([pieces[row].row for row in rows])
            shares = torch.tensor([[pieces[row].share] for row in rows])
            for column, part in zip(columns, made, strict=True):
                column.index_add_(0, at, part * shares)
            n_tokens += int(lengths[rows].sum())
            tell_embedded(done[0] + len(texts) * n_tokens / lengths.sum(), done[1])
        if len(pieces) > len(texts) and self.sentences.unit and _is_own(asked):
            columns = [nn.functional.normalize(column, dim=1) for column in columns]
        return columns

    @functools.cached_property
    def _n_weights(self) -> int:
        return sum(weight.numel() for weight in self.tower.parameters())


def _told_of_unknown(items: list[str], rows: list[int], name: str) -> tuple[str, ...]:
    """Return that texts have no token that a model knows, so that all are alike to it."""
    if not rows:
        return ()
    named = ", ".join(f"item {row} '{items[row][:SHOWN].strip()}'" for row in rows[:NAMED])
    more = ", …" if len(rows) > NAMED else ""
    have = "has" if len(rows) == 1 else "have"
    return (
        f"{len(rows):,} of {len(items):,} texts {have} no token that '{name}' knows ({named}{more})"
        ": all such are alike to it.",
    )


def _is_own(asked: Request) -> bool:
    """Return whether the vector is asked for that the model's makers meant."""
    return asked.layer == -1 and asked.pool is None


def load_language(folder: Path, name: str) -> Language:
    """Return the part of a model that takes texts, and its tokenizer.

    Raises
    ------
    DataError
        If the model or the tokenizer cannot be read, or the model takes no texts.
    """
    from transformers import AutoTokenizer

    sentences = read_sentences(folder, name)
    folder = sentences.folder
    if not any(path for file in TOKENIZERS for path in folder.glob(file)):
        raise DataError(
            f"pretrained: '{name}' has no tokenizer, which says how its texts are read: expected "
            f"{TOKENIZERS[0]}, as save_pretrained of an AutoTokenizer writes it."
        )
    tower, missing, projection = load_tower(
        folder, name, "text_model", ("input_ids",), "model of texts"
    )
    tower.register_forward_pre_hook(_unpacked, with_kwargs=True)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except UNREADABLE as error:
        raise DataError(
            f"pretrained: cannot read the tokenizer of '{name}' ({first_line(error)})."
        ) from error
    max_tokens = _max_tokens(tower, tokenizer, sentences)
    if tokenizer.is_fast:
        reader = tokenizer.backend_tokenizer
        reader.no_padding()
        reader.no_truncation()
        if max_tokens is not None:
            reader.enable_truncation(max_tokens, direction=tokenizer.truncation_side)
    return Language(name, tower, missing, projection, tokenizer, sentences, max_tokens)


def _unpacked(tower: nn.Module, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """Return the arguments of a model that is given `Tokens`."""
    return (), args[0].inputs() | settings


def _max_tokens(tower: Any, tokenizer: Any, sentences: Sentences) -> int | None:
    """Return how many tokens of a text are read: as its makers say, and as places are known."""
    limits = [
        sentences.max_tokens or tokenizer.model_max_length,
        getattr(tower.config, "max_position_embeddings", None),
    ]
    for name, part in tower.named_modules():
        if name.endswith("position_embeddings") and getattr(part, "padding_idx", None) is not None:
            limits.append(part.num_embeddings - part.padding_idx - 1)
    return min((limit for limit in limits if limit and limit < UNBOUNDED), default=None)
