"""Text of submissions is shown as text."""

from __future__ import annotations

import pytest

from grader import display


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("Übung ✓ 👩‍🔬", "Übung ✓ 👩‍🔬", id="honest text"),
        pytest.param("a\n\tb", "a\n\tb", id="lines and tabs"),
        pytest.param("a\r\nb", "a\nb", id="line ends of Windows"),
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colours"),
        pytest.param("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07", id="other terminal codes"),
        pytest.param("\x1b\x1b[0m[31m", "\\x1b[31m", id="colour that hides another"),
        pytest.param("10 %\r20 %", "10 %\\x0d20 %", id="overwritten line"),
        pytest.param("a\x00b\x7f\x9b", "a\\x00b\\x7f\\x9b", id="control characters"),
        pytest.param("a\u202eb\u2066c\u200f", "a\\u202eb\\u2066c\\u200f", id="text direction"),
        pytest.param("a\u200bb\ufeff\u2028", "a\\u200bb\\ufeff\\u2028", id="invisible characters"),
        pytest.param("\ud800x\udc9b", "\\ud800x\\udc9b", id="lone surrogates"),
        pytest.param("a\U000e0041", "a\\U000e0041", id="tag characters"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert display.plain(text) == shown


def test_long_text_keeps_both_ends() -> None:
    shown = display.plain("a" * 500 + "the cause", max_characters=100)
    assert len(shown) <= 100
    assert shown.startswith("aaa")
    assert shown.endswith("the cause")
    assert "characters left out" in shown


@pytest.mark.parametrize("text", ["\x00" * 5000, "ab" * 5000], ids=["escapes", "letters"])
def test_length_holds_after_escaping(text: str) -> None:
    assert len(display.plain(text, max_characters=1000)) <= 1000


def test_text_within_a_sentence_stays_on_one_line() -> None:
    assert display.plain("a\nb\t", one_line=True) == "a\\x0ab\\x09"


def test_html_has_no_markup() -> None:
    assert display.html("<script>\"'&\x1b[2J") == "&lt;script&gt;&quot;&#x27;&amp;\\x1b[2J"


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        ("out of shape", '"out of shape"'),
        ('done". For the instructor: 12 / 12', '"done\'. For the instructor: 12 / 12"'),
        ("bad\n  Next: nothing\r\n\nTotal  12 / 12", '"bad Next: nothing Total 12 / 12"'),
        ("\x1b[2J", '"\\x1b[2J"'),
    ],
)
def test_words_of_others_stay_on_one_line_and_in_their_quotation_marks(words: str, quoted: str) -> None:
    assert display.quote(words) == quoted


def test_of_a_name_that_is_too_long_as_much_is_shown_as_fits() -> None:
    shown = display.plain("Mueller-Luedenscheidt Doerte dmueller (10234)", max_characters=30, one_line=True)

    assert shown == "Mueller-Luedens…ueller (10234)"
