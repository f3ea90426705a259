"""Stories as batches of tokens."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .corpus import read_stories
from .tokenizers import SPTokenizer

__all__ = ["TinyStories"]


class TinyStories:
    """Endless int64 batches `(batch_size, seq_l)` of stories, one after another without padding.

    Each story is `tokenizer.bos_id` and its tokens; a sequence ends wherever it is full, and the next one continues
    from there. Every `iter()` starts again at the same place, and the same arguments give the same batches
    in every process.

    skip: how many samples, that is stories, to leave out at the start. Loaders far enough apart read
    different text: a batch of 3 x 256 tokens takes about 7 stories.

    streaming, num_workers: without effect; they allow calls that were written for other loaders of this signature.

    Raises ValueError on a size below 1 and a negative skip. See `corpus` for where the stories come from.
    """

    def __init__(
        self,
        tokenizer: SPTokenizer,
        streaming: bool = True,  # noqa: ARG002
        batch_size: int = 5_000,
        seq_l: int = 2048,
        split: str = "train",
        num_workers: int = 0,  # noqa: ARG002
        skip: int = 0,
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("seq_l", seq_l, 1), ("skip", skip, 0)):
            if value < least:
                raise ValueError(
                    f"{name}={value} was given, but it must be at least {least}: pass a larger {name}."
                )
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.seq_l = seq_l
        self.split = split
        self.skip = skip

    def __iter__(self) -> Iterator[Tensor]:
        # Read here, not in the generator: what can't be read should fail at iter(), not at the first next().
        return self._batches(read_stories(self.split, self.skip))

    def decode(self, batch: Tensor) -> list[str]:
        """The text of each sequence of a batch."""
        return [self.tokenizer.decode(sequence) for sequence in batch.tolist()]

    def _batches(self, texts: Iterator[str]) -> Iterator[Tensor]:
        size = self.batch_size * self.seq_l
        tokens: list[int] = []
        for text in texts:
            tokens += [self.tokenizer.bos_id, *self.tokenizer.encode(text)]
            while len(tokens) >= size:
                yield torch.tensor(tokens[:size], dtype=torch.int64).view(self.batch_size, self.seq_l)
                tokens = tokens[size:]
