"""Text to tokens and back, by byte pair encoding.

Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2, on bytes:
text for which the vocabulary has no piece longer than a byte is spelled in bytes, so every text round-trips.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

__all__ = ["SPTokenizer"]

VOCABULARY = Path(__file__).with_name("vocabulary.json")
SPECIAL = 3  # pad, bos and eos come first, then the 256 bytes, then one token per merge

# A word with the space before it, a digit, a run of other signs, or white space: every character is in one.
WORD = re.compile(r" ?[^\W\d_]+| ?\d| ?(?:[^\w\s]|_)+|\s+")


def to_bytes(text: str) -> bytes:
    """UTF-8; lone surrogates, which Python strings can hold, are kept."""
    return text.encode("utf-8", "surrogatepass")


class SPTokenizer:
    """The tokenizer of the embedded corpus; `vocabulary` says how its pieces were learned.

    Attributes: vocab_size; pad_id, bos_id, eos_id, which no text encodes to and which decode to nothing.
    """

    pad_id = 0
    bos_id = 1
    eos_id = 2

    def __init__(self) -> None:
        merges = json.loads(VOCABULARY.read_text(encoding="ascii"))["merges"]
        self._pieces = [b""] * SPECIAL + [bytes([value]) for value in range(256)]
        self._merged: dict[tuple[int, int], int] = {}  # pair -> what it becomes; lower ones merge first
        for left, right in merges:
            self._merged[left, right] = len(self._pieces)
            self._pieces.append(self._pieces[left] + self._pieces[right])
        self.vocab_size = len(self._pieces)
        self._encode_word = lru_cache(maxsize=16_384)(self._merge)

    def encode(self, text: str) -> list[int]:
        """Tokens of the text, without bos or eos."""
        return [token for word in WORD.findall(text) for token in self._encode_word(word)]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text; bytes that are not UTF-8, as in a text that was cut in two, become U+FFFD."""
        data = b"".join(self._pieces[token] for token in tokens)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def _merge(self, word: str) -> tuple[int, ...]:
        tokens = [SPECIAL + value for value in to_bytes(word)]
        while known := [self._merged[pair] for pair in pairwise(tokens) if pair in self._merged]:
            tokens = merge(tokens, min(known), self._merged)
        return tuple(tokens)


def merge(tokens: list[int], new: int, merged: dict[tuple[int, int], int]) -> list[int]:
    """The tokens with every pair that `merged` turns into `new` replaced, from the left."""
    result: list[int] = []
    for token in tokens:
        if result and merged.get((result[-1], token)) == new:
            result[-1] = new
        else:
            result.append(token)
    return result
