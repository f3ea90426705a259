"""B2: two pipelines of three stages, each with three micro-batches; data parallelism on top of B1.

    python b2.py RANK           b2.sh starts ranks 0 to 5

                    stage 0      stage 1      stage 2
    pipeline 0      rank 0  ──>  rank 1  ──>  rank 2        stories from number 0 on
                      ║            ║            ║           all-reduce of gradients, within a column
    pipeline 1      rank 3  ──>  rank 4  ──>  rank 5        stories from number 100,000 on

Along a row run activations and their gradients, as in B1. A column holds replicas of one stage. They begin
equal, since each seeds alike, and they stay equal, since each step they take the same gradient: the mean of
both. That is the gradient of the mean loss over both pipelines' batches, as if one pipeline had worked on all
six sequences.

A step of each pipeline (GPipe: all forward, then all backward; F and B are one micro-batch each):

    stage 0   F0 F1 F2 .  .  .  .  B0 B1 B2  all-reduce with the other stage 0, step
    stage 1   .  F0 F1 F2 .  .  B0 B1 B2     all-reduce with the other stage 1, step
    stage 2   .  .  F0 F1 F2 B0 B1 B2        all-reduce with the other stage 2, step

The last stage is through with its backward first, so its all-reduce runs while the others still compute.
"""

import argparse
import os

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer

STAGES = 3
PIPELINES = 2
MICRO_BATCHES = 3
BATCH_SIZE = 3
SEQ_L = 256
DMODEL = 288
NUM_HEADS = 6
LAYERS_PER_STAGE = 2
LEARNING_RATE = 8e-4
SEED = 0
STEPS = int(os.environ.get("LAB_STEPS", "5000"))
# Far more stories than a pipeline reads (about 7 a step), so the two never read the same one.
STORIES_PER_PIPELINE = 100_000


class Stage:
    """What one rank holds, and its part of a training step of its pipeline.

    Messages carry a tag that names the direction and the micro-batch, so no gradient can be taken for
    another's.
    """

    def __init__(self, rank: int, vocab_size: int) -> None:
        self.rank = rank
        stage = rank % STAGES
        self.first, self.last = stage == 0, stage == STAGES - 1
        self.vocab_size = vocab_size
        torch.manual_seed(SEED)  # the same on every rank: the replicas of a stage begin equal
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

    def step(self, micro_batches: list[Tensor]) -> float:
        """Leave the gradient of this pipeline's batch in the parameters; return its loss (last stage) or 0."""
        self.sends: list[tuple[dist.Work | None, Tensor]] = []
        # Posted at once, so that messages arrive while this stage computes.
        activations, gradients = [], []
        for k in range(MICRO_BATCHES):
            if not self.first:
                activations.append(self._receive(self.rank - 1, k))
            if not self.last:
                gradients.append(self._receive(self.rank + 1, MICRO_BATCHES + k))
        inputs, outputs = [], []
        for k in range(MICRO_BATCHES):
            if self.first:
                output = self.net(micro_batches[k])
            else:
                inputs.append(arrived(*activations[k]).requires_grad_())
                output = self.net(inputs[k])
            outputs.append(output)
            if not self.last:
                self._send(output.detach(), self.rank + 1, k)
        total = 0.0
        for k in range(MICRO_BATCHES):
            if self.last:
                # Divided by the number of micro-batches: .grad adds up to the mean over the batch, not the
                # sum.
                loss = causalLLMLoss(outputs[k], micro_batches[k], self.vocab_size) / MICRO_BATCHES
                torch.autograd.backward(loss)
                total += loss.item()
            else:
                torch.autograd.backward(outputs[k], arrived(*gradients[k]))
            if not self.first:
                gradient = inputs[k].grad
                assert gradient is not None  # the input is a leaf that requires a gradient
                self._send(gradient, self.rank - 1, MICRO_BATCHES + k)
        for work, _ in self.sends:  # a send reads its buffer until it is done
            wait(work)
        return total

    def _receive(self, src: int, tag: int) -> tuple[dist.Work | None, Tensor]:
        buffer = torch.empty(BATCH_SIZE // MICRO_BATCHES, SEQ_L, DMODEL)
        return dist.irecv(buffer, src=src, tag=tag), buffer

    def _send(self, tensor: Tensor, dst: int, tag: int) -> None:
        self.sends.append((dist.isend(tensor, dst=dst, tag=tag), tensor))


def arrived(work: dist.Work | None, buffer: Tensor) -> Tensor:
    wait(work)
    return buffer


def wait(work: dist.Work | None) -> None:
    if work is not None:  # None would mean: this rank is not in the group
        work.wait()


def average_gradients(net: nn.Module, replicas: dist.ProcessGroup) -> None:
    """Replace each gradient by the mean over the replicas of this stage.

    One message for all parameters instead of one for each: latency is paid once.
    """
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.view(-1) for gradient in gradients])
    dist.all_reduce(flat, op=dist.ReduceOp.SUM, group=replicas)
    flat /= PIPELINES
    means = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def replica_group(rank: int) -> dist.ProcessGroup:
    """The group of the ranks that hold the same stage as this one.

    Creating a group is a collective over all ranks: every rank creates every group, in the same order, also
    those it is not in.
    """
    groups = [dist.new_group(list(range(stage, PIPELINES * STAGES, STAGES))) for stage in range(STAGES)]
    own = groups[rank % STAGES]
    assert isinstance(
        own, dist.ProcessGroup
    )  # of the others this rank is no member, and holds a mark instead
    return own


def train(rank: int) -> None:
    """Train STEPS steps; the last stage of each pipeline prints its loss of each."""
    pipeline = rank // STAGES
    replicas = replica_group(rank)
    tokenizer = SPTokenizer()
    stage = Stage(rank, tokenizer.vocab_size)
    optimizer = torch.optim.Adam(stage.net.parameters(), lr=LEARNING_RATE)
    # The first stage (input) and the last (target) of a pipeline read the same stories; each pipeline its
    # own.
    skip = pipeline * STORIES_PER_PIPELINE
    batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L, skip=skip))
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = stage.step(list(next(batches).chunk(MICRO_BATCHES)))
        average_gradients(stage.net, replicas)
        optimizer.step()
        if stage.last:
            print(f"step {step} pipeline {pipeline} loss {loss:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="B2: two pipelines of three stages with micro-batches")
    parser.add_argument("rank", type=int, choices=range(PIPELINES * STAGES))
    rank = parser.parse_args().rank
    os.environ.setdefault("MASTER_ADDR", "localhost")
    os.environ.setdefault("MASTER_PORT", "29500")
    # The ranks share this machine's cores; more threads than cores slow each other down.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // (PIPELINES * STAGES)))
    dist.init_process_group("gloo", rank=rank, world_size=PIPELINES * STAGES)
    train(rank)
    dist.barrier()  # nobody leaves while another may still be reading from it
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
