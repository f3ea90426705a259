"""Small stories from a grammar: a corpus that needs no download.

Story i is a function of i alone, so a reader can start anywhere at no cost, and every process on every
machine reads the same text.
"""

import random
import re
from collections.abc import Iterator
from itertools import count

from .story_grammar import CAST, DETAILS, ENDINGS, OPENINGS, PLOTS, SPEECH, WORDS


class _Draws:
    """A story's random choices.

    Only `random()` is used: of all of a generator's methods, Python promises just that one to give the same
    sequence in every version.
    """

    def __init__(self, key: str) -> None:
        self._random = random.Random(key).random

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def line(self, lines: list[str]) -> str:
        return lines[int(self._random() * len(lines))]

    def plot(self) -> list[list[str]]:
        return PLOTS[int(self._random() * len(PLOTS))]

    def word(self, words: list[str]) -> str:
        """Early words are drawn more often, as in real text: the first quarter makes up half of the draws."""
        return words[int(self._random() ** 2 * len(words))]


def story(index: int, split: str = "train") -> str:
    """Story number `index` (0, 1, …) of a split, on one line, about 100 words."""
    draws = _Draws(f"{split}/{index}")
    cast = _cast(draws)
    lines = [draws.line(OPENINGS)]
    lines += [draws.line(half) for half in (DETAILS[::2], DETAILS[1::2]) if draws.chance(0.6)]
    for part in draws.plot():
        lines.append(draws.line(part))
        if draws.chance(0.2):
            lines.append(draws.line(SPEECH))
    lines.append(draws.line(ENDINGS))
    return " ".join(_fill(line, cast, draws) for line in lines)


def stories(split: str = "train", first: int = 0) -> Iterator[str]:
    """Every story from number `first` on, without end."""
    return (story(index, split) for index in count(first))


def _cast(draws: _Draws) -> dict[str, str]:
    """What stays the same throughout a story."""
    child, other = ("girl", "boy") if draws.chance(0.5) else ("boy", "girl")
    he, his, him = ("she", "her", "her") if child == "girl" else ("he", "his", "him")
    hero = draws.word(WORDS[child])
    friend = draws.word([name for name in WORDS[other if draws.chance(0.5) else child] if name != hero])
    place = draws.word(WORDS["place"])
    place2 = draws.word([elsewhere for elsewhere in WORDS["place"] if elsewhere != place])
    return {
        **{slot: draws.word(WORDS[slot]) for slot in CAST},
        **{"hero": hero, "child": child, "friend": friend, "place": place, "place2": place2},
        **{"he": he, "his": his, "him": him, "He": he.capitalize(), "His": his.capitalize()},
    }


def _fill(line: str, cast: dict[str, str], draws: _Draws) -> str:
    """The line with its slots and words put in, and "a" before a vowel turned into "an"."""
    line = re.sub(r"\{(\w+)\}", lambda slot: cast[slot[1]], line)
    line = re.sub(r"\[(\w+)\]", lambda word: draws.word(WORDS[word[1]]), line)
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", line)
