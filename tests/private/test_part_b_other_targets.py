"""Targets found again among the tokens that were read."""

from __future__ import annotations

import pytest
import torch

from public_tests.part_b.one_process import MicroBatch, leave_gradients
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


PADDED = [torch.cat([tokens[:, 1:], torch.full((1, 1), -1)], 1).flatten() for tokens in BATCH]


def test_a_number_below_zero_is_no_target_whatever_it_is() -> None:
    (first, *_) = list_candidates([BATCH], [PADDED])
    assert first.shift == 1
    assert first.targets[0][0].tolist() == [[*range(2, 12), IGNORED]]
    assert not first.to_the_end


@pytest.mark.parametrize("ignored", [-1, 50])
def test_a_number_that_is_no_token_costs_nothing(ignored: int) -> None:
    stage = torch.nn.Embedding(50, 50)
    aligned = [
        torch.cat([tokens[:, 1:], torch.full((1, 1), last)], 1)
        for tokens in BATCH[:1]
        for last in (ignored, IGNORED)
    ]
    losses = [leave_gradients([stage], [[MicroBatch(BATCH[0], aligned=each)]]) for each in aligned]
    assert losses[0] == losses[1]


def test_without_targets_the_usual_shifts_are_tried() -> None:
    assert [each.shift for each in list_candidates([BATCH], [[]])] == [0, 2, -1]
