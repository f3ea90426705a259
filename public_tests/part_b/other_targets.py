"""Losses that compare a prediction with another token than the next one, as candidates for wrong gradients.

A candidate gives each position of each micro-batch its target, `IGNORED` where there is none. It comes from the targets that the
last stage's loss was given, wherever they are found among the tokens read; where none were seen, from the usual mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100
USUAL_SHIFTS = (0, 2, -1)
SHIFTS = (1, *USUAL_SHIFTS, 3)
SHARE = 0.9  # of a micro-batch's targets that are its own tokens, shifted


@dataclass(frozen=True)
class Candidate:
    """Targets of each micro-batch, `(sequences, length)`, by pipeline; position t is compared with token t + shift."""

    shift: int
    targets: tuple[tuple[Tensor, ...], ...]

    @property
    def to_the_end(self) -> bool:
        """Whether the last position has a target, too."""
        return all(bool((one[:, -1] != IGNORED).all()) for pipeline in self.targets for one in pipeline)


def list_candidates(
    batches: Sequence[Sequence[Tensor]], seen: Sequence[Sequence[Tensor]]
) -> Iterator[Candidate]:
    """Losses to try. `batches`: tokens of each micro-batch, by pipeline; `seen`: targets given to each pipeline's loss, flat."""
    found = [
        [_find_targets(tokens, targets) for tokens in pipeline]
        for pipeline, targets in zip(batches, seen, strict=True)
    ]
    if any(each is None for pipeline in found for each in pipeline):
        for shift in USUAL_SHIFTS:
            yield Candidate(shift, tuple(tuple(_shift(t, shift) for t in pipeline) for pipeline in batches))
        return
    known = [[each for each in pipeline if each is not None] for pipeline in found]
    offsets = {offset for pipeline in known for offset, _ in pipeline}
    lengths = {
        tokens.shape[1] - rows.shape[1]
        for p, k in zip(batches, known, strict=True)
        for tokens, (_, rows) in zip(p, k, strict=True)
    }
    if len(offsets) == len(lengths) == 1:
        offset, spare = offsets.pop(), lengths.pop()
        # The predictions compared are the first ones, or, if those are fewer than all, the last ones.
        for start in dict.fromkeys((0, spare)):
            yield Candidate(
                offset - start,
                tuple(
                    tuple(_place(tokens, rows, start) for tokens, (_, rows) in zip(p, k, strict=True))
                    for p, k in zip(batches, known, strict=True)
                ),
            )


def find_next_tokens(batch: Sequence[Tensor], seen: Sequence[Tensor]) -> list[Tensor] | None:
    """The targets of each micro-batch, `(sequences, length)`, if they are its next tokens, with one more at the end of each sequence."""
    found = []
    for tokens in batch:
        offset, rows = _find_targets(tokens, seen) or (0, tokens)
        if offset != 1 or rows.shape != tokens.shape:
            return None
        found.append(rows)
    # One sequence may well be followed by the token that it begins with; if all are, they were only turned around.
    is_around = all(
        bool((rows[:, -1] == tokens[:, 0]).all()) for tokens, rows in zip(batch, found, strict=True)
    )
    return None if is_around else found


def _find_targets(tokens: Tensor, seen: Sequence[Tensor]) -> tuple[int, Tensor] | None:
    """The targets that are a micro-batch's own tokens, from the token of this number on, as `(sequences, targets)`."""
    for flat in seen:
        if flat.numel() % len(tokens) or flat.numel() > tokens.numel():
            continue
        rows = flat.reshape(len(tokens), -1)
        for offset in SHIFTS:
            own = _shift(tokens, offset)[:, : rows.shape[1]]
            if float((own == rows).double().mean()) >= SHARE:
                return offset, rows.masked_fill(rows < 0, IGNORED)  # whatever number a loss ignores
    return None


def _shift(tokens: Tensor, shift: int) -> Tensor:
    """At each position the token so many positions on."""
    shifted = torch.full_like(tokens, IGNORED)
    length = tokens.shape[1]
    if shift >= 0:
        shifted[:, : length - shift] = tokens[:, shift:]
    else:
        shifted[:, -shift:] = tokens[:, :shift]
    return shifted


def _place(tokens: Tensor, rows: Tensor, start: int) -> Tensor:
    placed = torch.full_like(tokens, IGNORED)
    placed[:, start : start + rows.shape[1]] = rows
    return placed
