import random
from itertools import islice

import pytest

from lab_1_parallelism.stories import stories
from lab_1_parallelism.tokenizers import VOCABULARY, SPTokenizer
from lab_1_parallelism.vocabulary import STORIES, VOCAB_SIZE, count_words, learn_merges, render


@pytest.fixture(scope="module")
def tokenizer() -> SPTokenizer:
    return SPTokenizer()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Once upon a time there was a little girl named Lily.",
        "  two  spaces\tand\r\nlines\n\n",
        "snake_case __init__ x1² 12,345.67 ½",
        "Ünïcødé, 日本語, עברית, 👩‍👩‍👧, e\u0301",
        "\x00\x7f\ufeff\u2028\ud800",
        "".join(map(chr, range(0x500))),
    ],
    ids=["empty", "space", "story", "white-space", "digits", "scripts", "odd-characters", "blocks"],
)
def test_any_text_comes_back(tokenizer: SPTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_random_text_comes_back(tokenizer: SPTokenizer) -> None:
    draw = random.Random(0)
    text = "".join(chr(draw.randrange(0x110000)) for _ in range(5_000))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_cut_text_is_marked_where_it_was_cut(tokenizer: SPTokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("a日")[:-1]) == "a\ufffd"


def test_no_text_encodes_to_a_special_token_and_they_decode_to_nothing(tokenizer: SPTokenizer) -> None:
    special = [tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id]
    assert min(tokenizer.encode("".join(map(chr, range(256))))) > max(special)
    assert tokenizer.decode(special) == ""


def test_every_token_is_below_the_size_of_the_vocabulary(tokenizer: SPTokenizer) -> None:
    used = {token for text in islice(stories(), 500) for token in tokenizer.encode(text)}
    assert max(used) < tokenizer.vocab_size == VOCAB_SIZE


def test_the_stories_are_mostly_whole_words(tokenizer: SPTokenizer) -> None:
    texts = list(islice(stories(), 100))
    assert sum(len(tokenizer.encode(text)) for text in texts) < 1.3 * sum(len(text.split()) for text in texts)


def test_the_shipped_vocabulary_is_what_the_stories_give() -> None:
    merges = learn_merges(count_words(STORIES), VOCAB_SIZE)
    assert render(merges) == VOCABULARY.read_text(encoding="ascii"), (
        "the grammar has changed: python -m lab_1_parallelism.vocabulary writes the vocabulary anew"
    )
