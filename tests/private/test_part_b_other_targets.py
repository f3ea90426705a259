"""Targets found again among the tokens that were read."""

from __future__ import annotations

import torch

from public_tests.part_b.other_targets import IGNORED, find_next_tokens, list_candidates

WHOLE = torch.arange(1, 37).reshape(3, 12)
BATCH = list(WHOLE[:, :-1].split(1))
NEXT = [rows.flatten() for rows in WHOLE[:, 1:].split(1)]


def test_next_tokens_are_found_whatever_their_order() -> None:
    found = find_next_tokens(BATCH, NEXT[::-1])
    assert found is not None
    assert torch.equal(torch.cat(found), WHOLE[:, 1:])


def test_a_sequence_may_be_followed_by_the_token_that_it_begins_with() -> None:
    one = WHOLE.clone()
    one[0, -1] = one[0, 0]
    assert find_next_tokens(list(one[:, :-1].split(1)), [row.flatten() for row in one[:, 1:].split(1)])


def test_sequences_that_are_turned_around_have_no_next_token() -> None:
    assert find_next_tokens(BATCH, [tokens.roll(-1, 1).flatten() for tokens in BATCH]) is None


def test_a_candidate_is_made_of_the_targets_that_were_seen() -> None:
    (first, *_) = list_candidates([BATCH], [[tokens[:, 2:].flatten() for tokens in BATCH]])
    assert first.shift == 2
    assert first.targets[0][0].tolist() == [[*range(3, 12), IGNORED, IGNORED]]
    assert not first.to_the_end


def test_without_targets_the_usual_shifts_are_tried() -> None:
    assert [each.shift for each in list_candidates([BATCH], [[]])] == [0, 2, -1]
