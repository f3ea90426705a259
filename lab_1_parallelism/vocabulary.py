"""Learns the pieces of `SPTokenizer` from the embedded stories: `python -m lab_1_parallelism.vocabulary`.

Writes vocabulary.json beside this file, the same one each time; needed only after a change of the grammar.
"""

import json
from collections import Counter
from itertools import islice, pairwise

from .stories import stories
from .tokenizers import SPECIAL, VOCABULARY, WORD, merge, to_bytes

VOCAB_SIZE = 1536
STORIES = 4_000  # enough to meet every word of the grammar


def learn_merges(words: Counter[str], vocab_size: int) -> list[tuple[int, int]]:
    """Pairs of tokens to merge, in order: each time the most frequent pair, or the lowest of several equally frequent ones.

    Fewer than asked for if every word becomes a single token before that.
    """
    spelled = [([SPECIAL + value for value in to_bytes(word)], count) for word, count in words.items()]
    merges: list[tuple[int, int]] = []
    for new in range(SPECIAL + 256, vocab_size):
        pairs: Counter[tuple[int, int]] = Counter()
        for tokens, count in spelled:
            for pair in pairwise(tokens):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        spelled = [(merge(tokens, new, {best: new}), count) for tokens, count in spelled if len(tokens) > 1]
        merges.append(best)
    return merges


def count_words(number_of_stories: int) -> Counter[str]:
    """How often each word occurs in the first stories."""
    return Counter(word for text in islice(stories(), number_of_stories) for word in WORD.findall(text))


def render(merges: list[tuple[int, int]]) -> str:
    """The text of the data file: one merge per line, so that a change shows in a diff."""
    lines = ",\n".join(json.dumps(pair) for pair in merges)
    return f'{{"merges": [\n{lines}\n]}}\n'


def main() -> None:
    merges = learn_merges(count_words(STORIES), VOCAB_SIZE)
    VOCABULARY.write_text(render(merges), encoding="ascii")
    print(f"{VOCABULARY.name}: {SPECIAL + 256 + len(merges)} tokens")


if __name__ == "__main__":
    main()
