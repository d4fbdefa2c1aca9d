"""Networks that learn rows of tables: vectors of the values of categories, and of whole rows."""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any, ClassVar, cast

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Kind, Table, Target
from nearspace.data.batches import Batches, Stacked
from nearspace.data.columns import named
from nearspace.data.kinds.kind import is_frame
from nearspace.encoders.categories import UNSEEN
from nearspace.encoders.learned.columns import ColumnCodes
from nearspace.encoders.learned.learned import Learned
from nearspace.errors import DataError
from nearspace.learning.cells import cell_errors, hide_cells, swap_cells, unseen_codes
from nearspace.learning.losses import nt_xent
from nearspace.nets.cells import MOST_TOLD, CellDecoder, CellNetwork, cell_block, pass_values

__all__ = ["EntityEmbedding"]

OBJECTIVES = ("target", "masked", "denoising", "contrastive")
FEWEST_ROWS, STEPS_AN_EPOCH = 32, 128
MOST_CONTRASTED = 1024  # rows of a step, each pair of which is compared
# Shares of cells: those that are taken for values not seen, at least, and for missing ones where
# the objective hides none; and those that objectives hide or swap.
RARE, MISSING_CELLS, HIDDEN, SWAPPED = 0.01, 0.01, {"masked": 0.3, "denoising": 0.05}, 0.5
NUMBERS_COUNT = 10.0  # the error of a cell of a number or a date weighs as much as so many others
ROWS_FOR_AXES = 10_000
TEMPERATURE, DROPOUT = 0.2, 0.3


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class EntityEmbedding(Learned):
    """A network over the cells of rows, with a table of vectors for each column of categories [1]_.

    Each value of a category has a vector, and so have values that were not seen, and missing cells:
    in training some cells are taken for such, rare values more often. Numbers, and dates taken
    apart, come in by how far they go through bins that hold equally many of them, or by waves [2]_.
    All stand side by side, and go through hidden layers; the vector of a row is what the last puts
    out. The layer ``"entities"`` is the vectors of its categories side by side. Texts and names of
    rows are not read.

    Parameters
    ----------
    objective : {"target", "masked", "denoising", "contrastive"}, default="target"
        What is learnt: to tell the labels; or without them the cells that are hidden, three of
        ten; all cells, of which one in twenty is hidden, so that the encoder has a decoder that
        gives rows back (Vincent et al., 2010); or which row a row is when half of its cells are
        those of others (SCARF; Bahri et al., 2022).
    dim : int, default=64
        Length of the vectors.
    hidden : tuple of int, default=(256,)
        Widths of the hidden layers before the last.
    numbers : {"piecewise", "periodic"}, default="piecewise"
        How numbers come in: by bins, or by sines and cosines whose frequencies are learnt.
    max_categories : int, optional
        How many values of a column have vectors at most, the commonest first.
    dropout : float, optional
        Share of what hidden layers put out that is dropped in training; when absent 0.3, and none
        where rows are contrasted.
    batch_size : int, default=8192
        Rows a step at most; a 128th of them where that is fewer, at least 32, and never more than
        1024 where they are contrasted.
    layer, epochs, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Attributes
    ----------
    columns_ : list of dict
        What was learnt of each column, as of `ColumnCodes`.

    References
    ----------
    .. [1] C. Guo and F. Berkhahn, "Entity embeddings of categorical variables", 2016.
    .. [2] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in
       tabular deep learning", 2022.

    Examples
    --------
    >>> from nearspace import load
    >>> customers = load("customers")
    >>> encoder = EntityEmbedding(epochs=1).fit(customers.items, customers.target)
    >>> encoder.transform(customers.items[:3]).shape, encoder.layer_names()
    ((3, 64), ['entities', 'numbers', 'fc1', 'embedding'])
    >>> rows = EntityEmbedding(objective="denoising", dim=8, epochs=1).fit(customers.items)
    >>> rows.inverse_transform(rows.transform(customers.items[:3])).shape
    (3, 7)
    """

    kinds = frozenset({Table})
    effort = 30
    zero_means = "nothing that the network tells apart"
    columns_: list[dict[str, Any]] = dataclasses.field(init=False)
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "objective": [StrOptions({*OBJECTIVES})],
        "numbers": [StrOptions({"piecewise", "periodic"})],
        "max_categories": [Interval(Integral, 1, None, closed="left"), None],
        "dropout": [Interval(Real, 0, 1, closed="left"), None],
    }

    objective: str = "target"
    dim: int = 64
    hidden: tuple[int, ...] = (256,)
    numbers: str = "piecewise"
    max_categories: int | None = None
    dropout: float | None = None
    batch_size: int = 8192

    @property
    def learns(self) -> str:  # type: ignore[override]
        """``"labels"`` where the objective is to tell them, else ``"items"``."""
        return "labels" if self.objective == "target" else "items"

    @property
    def default_steps(self) -> int:  # type: ignore[override]
        """Steps of training: labels are learnt by heart sooner than cells."""
        return 1000 if self.objective == "target" else 2000

    @property
    def metric(self) -> str:  # type: ignore[override]
        """``"cosine"`` where rows were contrasted by it, else ``"euclidean"``."""
        return "cosine" if self.objective == "contrastive" else "euclidean"

    @property
    def mirrored(self) -> bool:  # type: ignore[override]
        """Whether it learns to give rows back."""
        return self.objective == "denoising"

    @property
    def codes(self) -> ColumnCodes:
        """What was learnt of the columns, ready to be used."""
        if "_codes" not in self.__dict__:
            self._codes = ColumnCodes.from_state(self.columns_)
        return self._codes

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> Any:
        """Check parameters, rows and labels, and that there is a column to read."""
        if y is None and self.objective == "target":
            raise DataError(
                f"{type(self).__name__} learns from labels and requires y to be passed, but the "
                "target y is None; objective='masked' learns from rows alone."
            )
        checked, target = super().begin_fit(items, y, kind)
        if not self._table.of("category", "categories", "number", "date"):
            raise DataError(
                f"{type(self).__name__} reads categories, numbers and dates, and the table has "
                f"none: it has {self._table.described}."
            )
        return checked, target

    @property
    def _table(self) -> Table:
        return cast(Table, self.kind_)  # it takes no other

    def _recognised(self, items: Any) -> Kind:
        return super()._recognised(self._rows(items))

    def _check(self, X: Any, reset: bool) -> Any:
        return super()._check(self._rows(X), reset)

    def _rows(self, items: Any) -> Any:
        """Return a frame as it is, and an array of rows as one whose columns are numbered."""
        if not is_frame(items) and np.ndim(items) != 2:
            raise DataError(
                f"{type(self).__name__} takes a DataFrame or an array of rows and columns, got a "
                f"{type(items).__name__} of shape {np.shape(items)}."
            )
        return Table.coerce(items)

    def _fit(self, items: Any, y: Target | None) -> None:
        self._learn_columns(items)
        super()._fit(items, y)

    def _learn_columns(self, items: Any) -> None:
        self._codes = ColumnCodes.of(items, self._table.columns, self.max_categories)
        self.columns_ = self._codes.columns

    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `transform` would raise after training, such as for a layer not there."""
        trial = clone(self)
        checked, target = trial.begin_fit(items, y, kind)
        trial._learn_columns(checked.iloc[:1])
        trial.outputs_ = 1 if target is None else target.width
        trial.shape_ = tuple(trial.blank(1).shape[1:])
        with torch.random.fork_rng():
            trial._try(trial.build())

    def build(self) -> nn.ModuleDict:
        """Return the network of rows, and what its objective asks of their vectors."""
        layout = self.codes.layout
        gives_back = self.objective in HIDDEN
        passing = min(len(layout.features), self.dim // 2) if self.mirrored else 0
        usual = 0.0 if self.objective == "contrastive" else DROPOUT
        dropout = usual if self.dropout is None else self.dropout
        encoder = CellNetwork(
            layout, self.hidden, self.dim, self.numbers, dropout, gives_back, passing
        )
        nets = nn.ModuleDict({"encoder": encoder})
        if gives_back:
            nets["decoder"] = CellDecoder(self.dim, self.hidden, layout, passing)
        elif self.objective == "contrastive":
            nets["head"] = nn.Sequential(
                cell_block(self.dim, self.dim), nn.Linear(self.dim, self.dim)
            )
        else:
            nets["head"] = nn.Linear(self.dim, self.outputs_)
        return nets

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Let the decoder begin at how often the values of each column are there."""
        self._rates = self.codes.unseen_rates(RARE)
        if "decoder" in nets:
            with torch.no_grad():
                nets["decoder"].get_parameter("output.bias").copy_(self.codes.log_odds())
            encoder, decoder = nets["encoder"], nets["decoder"]
            assert isinstance(encoder, CellNetwork)
            assert isinstance(decoder, CellDecoder)
            if decoder.passing:
                pass_values(encoder, decoder, batches[torch.randperm(len(batches))[:ROWS_FOR_AXES]])

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the loss of the objective: of labels, of cells, or of the contrast of rows."""
        layout, rows = self.codes.layout, batch

        def drawn(share: float) -> Tensor:
            cells = (len(batch), layout.n_cells)
            return torch.rand(cells, generator=generator, device=batch.device) < share

        if nets.training:
            rows = unseen_codes(rows, self._rates, layout, generator)
            if self.objective not in HIDDEN:
                rows = hide_cells(rows, drawn(MISSING_CELLS), layout)
        if self.objective == "target":
            assert labels is not None  # `fit` asked for them
            target = Target.registry[self.target_]
            return {target.loss_name: target.loss(nets["head"](nets["encoder"](rows)), labels)}
        if self.objective == "contrastive":
            views = torch.cat([rows, swap_cells(rows, drawn(SWAPPED), layout, generator)])
            first, second = nets["head"](nets["encoder"](views)).chunk(2)
            return {"contrast": nt_xent(first, second, TEMPERATURE)}
        hidden = drawn(HIDDEN[self.objective])
        vectors = nets["encoder"](hide_cells(rows, hidden, layout))
        errors, counted = cell_errors(nets["decoder"](vectors), batch, layout)
        weights = counted.to(errors.dtype)
        weights[:, layout.n_cells - len(layout.features) :] *= NUMBERS_COUNT
        if self.objective == "denoising":
            # Nobody knows a hidden number, and to guess it must not move those that are there.
            weights = torch.where(hidden, counted.to(errors.dtype), weights)
        if self.objective == "masked":
            weights = weights * hidden
        return {"cells": (errors * weights).sum() / weights.sum().clamp(min=1)}

    def batches(self, items: Any) -> Stacked:
        """Return checked rows as they wait in memory: codes and places among bins."""
        return Stacked(self.codes.rows(items))

    def blank(self, n: int) -> Tensor:
        """Return a batch of ``n`` rows of missing cells, on the CPU."""
        return self.codes.layout.blank(n)

    def batch_size_for(self, n_items: int) -> int:
        """Return the rows a step, which grow with the rows so that steps do not."""
        most = MOST_CONTRASTED if self.objective == "contrastive" else self.batch_size
        return min(self.batch_size, most, max(FEWEST_ROWS, n_items // STEPS_AN_EPOCH), n_items)

    def _to_items(self, batch: Tensor) -> Any:
        return self.codes.frame(batch.numpy(), [name for name, _ in self._table.columns])

    @property
    def notes(self) -> tuple[str, ...]:
        """Which values have no vectors of their own, and which columns are not read."""
        notes = [note for name, of in self.codes.values.items() for note in of.note_on(name)]
        if texts := self._table.of("text"):
            notes.append(
                f"It does not read the texts of {named(texts)}: embed such a column by itself "
                "(column=), or put its vectors beside."
            )
        many = [name for name, of in self.codes.values.items() if len(of.values) > MOST_TOLD]
        if many and self.mirrored:
            notes.append(
                f"It gives back no more than the {MOST_TOLD:,} commonest of {named(many)}."
            )
        return tuple(notes)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return how many cells hold values that were not seen, or more than are read."""
        items, notes = self._check(X, reset=False), []
        for column in self.columns_:
            name = column["name"]
            if name not in self.codes.values:
                continue
            flat, offsets = self.codes.values[name].codes_of_each(items[name])
            unseen = int((flat == UNSEEN).sum())
            if unseen:
                notes.append(
                    f"{unseen:,} of {len(flat):,} values of '{name}' were not seen in fit, and "
                    "have the vector of such."
                )
            longer = int((np.diff(offsets) > column["places"]).sum())
            if column["type"] == "categories" and longer:
                notes.append(
                    f"{longer:,} of {len(items):,} cells of '{name}' hold more than "
                    f"{column['places']} values, of which so many are read."
                )
        return tuple(notes)
