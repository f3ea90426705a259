"""B1: one model in three stages on three processes, each batch cut into three micro-batches.

    python b1.py RANK [--schedule gpipe|1f1b]       b1.sh starts ranks 0, 1 and 2

Without micro-batches only one stage works at a time. Cut into m micro-batches a batch fills the pipeline:
while stage 1 works on micro-batch 0, stage 0 already works on micro-batch 1. Two orders of the same work,
time to the right, F forward and B backward of a micro-batch, one column each (in truth B takes about twice as
long as F):

    gpipe     stage 0   F0 F1 F2 .  .  .  .  B0 B1 B2      Huang et al. 2019, "GPipe", figure 2
              stage 1   .  F0 F1 F2 .  .  B0 B1 B2 .
              stage 2   .  .  F0 F1 F2 B0 B1 B2 .  .

    1f1b      stage 0   F0 F1 F2 .  .  B0 .  B1 .  B2      Narayanan et al. 2019, "PipeDream", figure 4;
              stage 1   .  F0 F1 .  B0 F2 B1 .  B2 .       with a flush after each batch
              stage 2   .  .  F0 B0 F1 B1 F2 B2 .  .

The dots are the bubble: of p stages each idles for a fraction (p-1)/(m+p-1) of a step, here 2/5, in either
order. What 1F1B saves is memory: it goes backward as soon as it can, so stage s holds the activations of at
most p-s micro-batches and not of all m.

Neither order changes the result. The gradient of a mean is the mean of the gradients, so each micro-batch's
loss is divided by m before backward; autograd adds the m gradients up in .grad, and one optimizer step
follows. That is the gradient of the whole batch, in all stages, up to rounding.
"""

import argparse
import os
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer

STAGES = 3
MICRO_BATCHES = 3
BATCH_SIZE = 3
SEQ_L = 256
DMODEL = 288
NUM_HEADS = 6
LAYERS_PER_STAGE = 2
LEARNING_RATE = 8e-4
SEED = 0
STEPS = int(os.environ.get("LAB_STEPS", "5000"))

Action = tuple[str, int]  # ("F" or "B", micro-batch)


def gpipe(stage: int) -> list[Action]:  # noqa: ARG001  the same in every stage
    """All forward, then all backward."""
    return [("F", k) for k in range(MICRO_BATCHES)] + [("B", k) for k in range(MICRO_BATCHES)]


def one_forward_one_backward(stage: int) -> list[Action]:
    """Forward until the last stage has its first micro-batch, then in turns, then the rest backward."""
    warmup = min(STAGES - 1 - stage, MICRO_BATCHES)
    actions = [("F", k) for k in range(warmup)]
    for k in range(MICRO_BATCHES - warmup):
        actions += [("F", warmup + k), ("B", k)]
    return actions + [("B", k) for k in range(MICRO_BATCHES - warmup, MICRO_BATCHES)]


SCHEDULES: dict[str, Callable[[int], list[Action]]] = {"gpipe": gpipe, "1f1b": one_forward_one_backward}


class Stage:
    """What one rank holds, and its part of a training step.

    Messages carry a tag that names the direction and the micro-batch, so the order in which the two ends of a
    connection work need not agree: a gradient of micro-batch 1 can never be taken for one of micro-batch 0.
    """

    def __init__(self, rank: int, vocab_size: int) -> None:
        self.rank = rank
        self.first, self.last = rank == 0, rank == STAGES - 1
        self.vocab_size = vocab_size
        torch.manual_seed(SEED)
        self.net: nn.Module
        if self.first:
            self.net = LLamaFirstStage(
                vocab_size, dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
            )
        elif self.last:
            self.net = LLamaLastStage(
                vocab_size, dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
            )
        else:
            self.net = LLamaStage(
                dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
            )

    def step(self, micro_batches: list[Tensor], actions: list[Action]) -> float:
        """Leave the whole batch's gradient in the parameters; the loss, which only the last stage knows, else
        0.

        micro_batches: the tokens of each; only the first stage (as input) and the last (as target) read them.
        """
        self.micro_batches = micro_batches
        self.inputs: dict[int, Tensor] = {}  # of micro-batches that went forward but not yet backward
        self.outputs: dict[int, Tensor] = {}
        self.sends: list[tuple[dist.Work | None, Tensor]] = []
        self.loss = 0.0
        # Post every receive of the step now: messages arrive while this stage computes, and a neighbour's
        # send finds its receive whatever the order of work. This is why no schedule can deadlock here.
        self.arriving: dict[int, tuple[dist.Work | None, Tensor]] = {}
        for k in range(MICRO_BATCHES):
            if not self.first:
                self._receive(self.rank - 1, forward_tag(k))
            if not self.last:
                self._receive(self.rank + 1, backward_tag(k))
        for action, k in actions:
            if action == "F":
                self._forward(k)
            else:
                self._backward(k)
        # A send reads its buffer until it is done: only now may the buffers go.
        for work, _ in self.sends:
            wait(work)
        return self.loss

    def _forward(self, k: int) -> None:
        if self.first:
            self.outputs[k] = self.net(self.micro_batches[k])
        else:
            # The activation came without a graph: this stage's graph begins at it, and backward leaves in its
            # .grad what the stage before needs.
            self.inputs[k] = self._arrived(forward_tag(k)).requires_grad_()
            self.outputs[k] = self.net(self.inputs[k])
        if not self.last:
            self._send(self.outputs[k].detach(), self.rank + 1, forward_tag(k))

    def _backward(self, k: int) -> None:
        output = self.outputs.pop(k)
        if self.last:
            loss = causalLLMLoss(output, self.micro_batches[k], self.vocab_size) / MICRO_BATCHES
            torch.autograd.backward(loss)
            self.loss += loss.item()
        else:
            # Continue the chain rule where the next stage stopped: with its gradient of our output.
            torch.autograd.backward(output, self._arrived(backward_tag(k)))
        if not self.first:
            gradient = self.inputs.pop(k).grad
            assert gradient is not None  # the input is a leaf that requires a gradient
            self._send(gradient, self.rank - 1, backward_tag(k))

    def _receive(self, src: int, tag: int) -> None:
        buffer = torch.empty(BATCH_SIZE // MICRO_BATCHES, SEQ_L, DMODEL)
        self.arriving[tag] = (dist.irecv(buffer, src=src, tag=tag), buffer)

    def _arrived(self, tag: int) -> Tensor:
        work, buffer = self.arriving.pop(tag)
        wait(work)
        return buffer

    def _send(self, tensor: Tensor, dst: int, tag: int) -> None:
        self.sends.append((dist.isend(tensor, dst=dst, tag=tag), tensor))


def forward_tag(k: int) -> int:
    return k


def backward_tag(k: int) -> int:
    return MICRO_BATCHES + k


def wait(work: dist.Work | None) -> None:
    if work is not None:  # None would mean: this rank is not in the group
        work.wait()


def train(rank: int, schedule: str) -> None:
    """Train STEPS steps; the last stage prints the loss of each."""
    tokenizer = SPTokenizer()
    stage = Stage(rank, tokenizer.vocab_size)
    optimizer = torch.optim.Adam(stage.net.parameters(), lr=LEARNING_RATE)
    # The first stage needs the tokens as input and the last as target. Both read the same stories in the same
    # order, so the tokens need not be sent. The stages between just never look at theirs.
    batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L))
    actions = SCHEDULES[schedule](rank)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = stage.step(list(next(batches).chunk(MICRO_BATCHES)), actions)
        optimizer.step()
        if stage.last:
            print(f"step {step} loss {loss:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="B1: a pipeline of three stages with micro-batches")
    parser.add_argument("rank", type=int, choices=range(STAGES))
    parser.add_argument("--schedule", choices=SCHEDULES, default="gpipe")
    arguments = parser.parse_args()
    os.environ.setdefault("MASTER_ADDR", "localhost")
    os.environ.setdefault("MASTER_PORT", "29500")
    # The ranks share this machine's cores; more threads than cores slow each other down.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // STAGES))
    dist.init_process_group("gloo", rank=arguments.rank, world_size=STAGES)
    train(arguments.rank, arguments.schedule)
    dist.barrier()  # nobody leaves while another may still be reading from it
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
