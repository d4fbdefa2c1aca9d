"""Texts that a network writes, token by token."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from nearspace.data.tokens import PADDING
from nearspace.data.words import words_of
from nearspace.encoders.exhibits import Writes
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.vocabulary import UNITS, UNKNOWN, Vocabulary
from nearspace.errors import DataError, count_of
from nearspace.learning.device import torch_device
from nearspace.learning.threads import threads_for
from nearspace.nets.tokens import TokenNetwork

__all__ = ["Written"]


class Written(Writes):
    """An encoder of texts whose network tells the next token, where that is what it learnt."""

    nets_: nn.ModuleDict
    objective: str
    context: int
    device: str
    line_breaks_: bool

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """The numbers of the tokens."""

    @property
    @abstractmethod
    def mark(self) -> int:
        """The number that stands before texts; that of a masked token follows it."""

    def sample(
        self,
        prompt: str = "",
        n: int = 1,
        *,
        length: int = 200,
        temperature: float = 1.0,
        random_state: Any = None,
    ) -> list[str]:
        r"""Return texts that the network writes, each behind a prompt.

        Where a text ends and another begins, a line ends; so it does in a prompt, unless lines
        ended within the texts of `fit`.

        Parameters
        ----------
        prompt : str, default=""
            What they begin with.
        n : int, default=1
            How many to write.
        length : int, default=200
            How many tokens, the ends of texts among them.
        temperature : float, default=1.0
            Divides the logits: below 1 what is likely becomes likelier, at 0 the likeliest token
            is always taken.
        random_state : int, RandomState instance or None, default=None
            Of the draws.

        Returns
        -------
        list of n str
            The prompt, and what was written.

        Raises
        ------
        DataError
            If it did not learn to tell what comes next, the prompt holds what no text of `fit`
            did, or a number is out of range.
        """
        check_is_fitted(self)
        if self.objective != "next":
            raise DataError(
                f"{type(self).__name__} writes no texts, as it learnt by objective="
                f"'{self.objective}'; fit one with objective='next'."
            )
        n, length = count_of(n, "sample", "n", 1), count_of(length, "sample", "length", 1)
        if not 0 <= temperature < float("inf"):
            raise DataError(f"sample: expected a temperature of 0 or more, got {temperature}.")
        generator = torch.Generator().manual_seed(seed_of(random_state))
        ids = self._prompt(prompt)
        device = torch_device(self.device)
        net: Any = self.nets_.to(device)["encoder"]
        # One token at a time is little arithmetic, however large the network.
        with torch.inference_mode(), threads_for(0.0):
            drawn = self._written(net, ids.expand(n, -1).to(device), length, temperature, generator)
        return [self._joined(prompt, row) for row in drawn]

    def _written(
        self,
        net: TokenNetwork,
        ids: Tensor,
        length: int,
        temperature: float,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the numbers of so many tokens that follow others, ``(n, length)``."""
        ids = ids[:, -self.context :]
        vectors, memories = net.go_on(ids, net.start())
        seen, drawn = ids.shape[1], []
        for _ in range(length):
            logits = net.logits(vectors[:, -1])
            logits[:, [PADDING, UNKNOWN, self.mark + 1]] = -torch.inf
            drawn.append(_draw(logits.cpu(), temperature, generator).to(ids.device))
            if net.remembers or seen < self.context:
                vectors, memories = net.go_on(drawn[-1], memories)
                seen += 1
            else:  # the later half of what was read is read again, as if it began there
                ids = torch.cat([ids, *drawn], dim=1)[:, -max(1, self.context // 2) :]
                vectors, memories = net.go_on(ids, net.start())
                seen = ids.shape[1]
        return torch.cat(drawn, dim=1).cpu()

    def _prompt(self, prompt: str) -> Tensor:
        """Return the numbers of a prompt behind a mark, and behind each line where those end."""
        lines = [prompt] if self.line_breaks_ else prompt.split("\n")
        ids = []
        for line in lines:
            flat, _ = self.vocabulary.ids([line])
            if (flat == UNKNOWN).any():
                unit = self.vocabulary.unit
                tokens = words_of(line) if unit == "word" else line
                unknown = tokens[int((flat == UNKNOWN).argmax())]
                raise DataError(
                    f"sample: the prompt holds '{unknown}', which is none of the "
                    f"{UNITS[unit]} of the vocabulary; leave it out."
                )
            ids += [self.mark, *flat.tolist()]
        return torch.tensor([ids])

    def _joined(self, prompt: str, drawn: Tensor) -> str:
        """Return a prompt and the tokens that follow it as a text."""
        ends = [-1, *(drawn == self.mark).nonzero()[:, 0].tolist(), len(drawn)]
        first, *rest = (
            self.vocabulary.texts(drawn[start + 1 : end])[0]
            for start, end in itertools.pairwise(ends)
        )
        between = self.vocabulary.unit == "word" and prompt and first and prompt[-1:] != "\n"
        return "\n".join([prompt + " " * bool(between) + first, *rest])


def _draw(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Return one token a row, ``(n, 1)``."""
    if temperature == 0:
        return logits.argmax(dim=1, keepdim=True)
    return torch.multinomial((logits / temperature).softmax(dim=1), 1, generator=generator)
