"""B2: two pipelines of three stages, each with three micro-batches.

    python b2.py RANK           b2.sh starts ranks 0 to 5

                    stage 0   stage 1   stage 2
    pipeline 0      rank 0    rank 1    rank 2
    pipeline 1      rank 3    rank 4    rank 5

Everything around the schedule is here. Write the schedule (yours of B1 will do, with the right neighbours)
and the reduction, and explain them in comments: which ranks hold the same weights, and what keeps them
the same.
"""
# mypy: allow-untyped-calls

import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss  # noqa: F401  for your schedule
from lab_1_parallelism.tokenizers import SPTokenizer

STAGES = 3
PIPELINES = 2
WORLD_SIZE = PIPELINES * STAGES
MICRO_BATCHES = 3
BATCH_SIZE = 3  # sequences of each pipeline: a micro-batch is one
SEQ_L = 256
DMODEL = 288
NUM_HEADS = 6
LAYERS_PER_STAGE = 2
LEARNING_RATE = 8e-4
SEED = 0
STEPS = int(os.environ.get("LAB_STEPS", "5000"))  # LAB_STEPS=5 sh b2.sh for a quick try
STORIES_PER_PIPELINE = 100_000  # far more than a pipeline reads, about 7 a step

rank = int(sys.argv[1])
pipeline, stage = divmod(rank, STAGES)
os.environ.setdefault("MASTER_ADDR", "localhost")
os.environ.setdefault("MASTER_PORT", "29500")
# The ranks share this machine's cores; more threads than cores slow each other down.
torch.set_num_threads(max(1, (os.cpu_count() or 1) // WORLD_SIZE))
dist.init_process_group("gloo", rank=rank, world_size=WORLD_SIZE)
# Creating a group is a collective: every rank creates every group, in the same order, its own or not.
stage_groups = [dist.new_group([0, 3]), dist.new_group([1, 4]), dist.new_group([2, 5])]
replicas = stage_groups[stage]  # the ranks that hold the same stage as this one

torch.manual_seed(SEED)  # the same in every rank
tokenizer = SPTokenizer()
vocab_size = tokenizer.vocab_size
net: LLamaFirstStage | LLamaStage | LLamaLastStage
if stage == 0:
    net = LLamaFirstStage(
        vocab_size, dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
    )
elif stage == STAGES - 1:
    net = LLamaLastStage(
        vocab_size, dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
    )
else:
    net = LLamaStage(dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L)
optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
# All stages of a pipeline read the same stories, each pipeline reads its own.
skip = pipeline * STORIES_PER_PIPELINE
batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L, skip=skip))


def run_schedule(micro_batches: list[Tensor]) -> float:  # noqa: ARG001  for your schedule
    """Run all micro-batches forward and backward through this rank's stage, as in B1.

    micro_batches: the tokens of each, int64 `(1, SEQ_L)`. Between stages travel float32 `(1, SEQ_L, DMODEL)`.

    Must leave in the parameters' .grad the gradient of the loss of this pipeline's whole batch. Return that
    loss in the last stage, anything elsewhere.
    """
    # Your schedule. The neighbours are rank - 1 and rank + 1 within a pipeline: what of ranks 2 and 3?
    sys.exit(
        f"b2.py, rank {rank}: the schedule is not written yet, so there is nothing to train. Write it in "
        "run_schedule(), where the comment begins with 'Your schedule', and run b2.sh again."
    )


def average_gradients() -> None:
    """Make each parameter's .grad the mean over both pipelines."""
    # Your reduction: dist.all_reduce within `replicas`. It adds up; think of what the mean needs besides.
    sys.exit(
        f"b2.py, rank {rank}: the reduction is not written yet, so the pipelines would drift apart. Write it "
        "in average_gradients(), where the comment begins with 'Your reduction', and run b2.sh again."
    )


for step in range(STEPS):
    optimizer.zero_grad()
    loss = run_schedule(list(next(batches).chunk(MICRO_BATCHES)))
    average_gradients()
    optimizer.step()
    if stage == STAGES - 1:
        print(f"step {step} pipeline {pipeline} loss {loss:.4f}", flush=True)

dist.barrier()  # nobody leaves while another may still be reading from it
dist.destroy_process_group()
