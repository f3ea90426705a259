"""What cutting a model into stages costs and what a pipeline gains, at full size: `python benchmarks/stages.py [STEPS]`.

All in one run, in seconds per step with one thread per process, each with its ratio to the first line:

    whole       the whole model on the whole batch, one process
    stages      three stages on the whole batch, one process: the same operations, so about 1.0
    reference   three stages on three micro-batches, one process
    b1, b2      the solutions on 3 and 6 processes. On c cores b1 can come down to max(1/c, 10/18) of the
                reference: its schedule fills 18 of 30 cells. b2 does the work of two batches.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import CausalLLama, LLama
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer
from public_tests.part_b.one_process import MicroBatch, Sizes, seeded_stages, train

SOLUTIONS = Path(__file__).parents[1] / "solutions"
TOKENIZER = SPTokenizer()


def train_whole(net: nn.Module, batches: list[Tensor]) -> list[float]:
    """When each step ended."""
    optimizer = torch.optim.Adam(net.parameters(), lr=8e-4)
    ends = []
    for tokens in batches:
        optimizer.zero_grad()
        torch.autograd.backward(causalLLMLoss(net(tokens), tokens, TOKENIZER.vocab_size))
        optimizer.step()
        ends.append(time.perf_counter())
    return ends


def whole(batches: list[Tensor]) -> list[float]:
    torch.manual_seed(0)
    size = TOKENIZER.vocab_size
    return train_whole(LLama(CausalLLama, size, dmodel=288, num_heads=6, n_layers=6, ctx_size=256), batches)


def stages(batches: list[Tensor]) -> list[float]:
    return train_whole(nn.Sequential(*seeded_stages(Sizes(TOKENIZER.vocab_size))), batches)


def reference(batches: list[Tensor]) -> list[float]:
    steps = ([[MicroBatch(one) for one in batch.chunk(3)]] for batch in batches)
    net = seeded_stages(Sizes(TOKENIZER.vocab_size))
    return [time.perf_counter() for _ in train(net, steps)]


def script(name: str, *arguments: str) -> Callable[[list[Tensor]], list[float]]:
    """Run a solution's shell script and note when the losses come."""

    def run(batches: list[Tensor]) -> list[float]:
        environment = os.environ | {"LAB_STEPS": str(len(batches)), "PYTHON": sys.executable}
        command = ["sh", os.fspath(SOLUTIONS / name), *arguments]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ends = [time.perf_counter() for line in process.stdout if "pipeline 1" not in line]
        if process.returncode:
            sys.exit(
                f"{name} ended with status {process.returncode}, so there is nothing to time: run it alone."
            )
        return ends

    return run


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    torch.set_num_threads(1)
    batches = list(islice(TinyStories(TOKENIZER, batch_size=3, seq_l=256), steps))
    ways = {
        "whole": whole,
        "stages": stages,
        "reference": reference,
        "b1 gpipe": script("b1.sh"),
        "b1 1f1b": script("b1.sh", "--schedule", "1f1b"),
        "b2": script("b2.sh"),
    }
    baseline = 0.0
    print(f"{'':<12}s/step   ratio   ({os.cpu_count()} cores, median of {steps - 1} steps)")
    for name, way in ways.items():
        ends = way(batches)
        between = sorted(end - start for start, end in pairwise(ends))
        median = between[len(between) // 2]
        baseline = baseline or median
        print(f"{name:<12}{median:6.3f}  {median / baseline:6.2f}", flush=True)


if __name__ == "__main__":
    main()
