"""B1: one model in three stages on three processes, each batch cut into three micro-batches.

    python b1.py RANK           b1.sh starts ranks 0, 1 and 2

Everything around the schedule is here. Write the schedule, and explain it in comments: which stage works on
which micro-batch when, and why your gradients are those of the whole batch.
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
MICRO_BATCHES = 3
BATCH_SIZE = 3  # sequences: a micro-batch is one
SEQ_L = 256
DMODEL = 288
NUM_HEADS = 6
LAYERS_PER_STAGE = 2
LEARNING_RATE = 8e-4
SEED = 0
STEPS = int(os.environ.get("LAB_STEPS", "5000"))  # LAB_STEPS=5 sh b1.sh for a quick try

rank = int(sys.argv[1])
os.environ.setdefault("MASTER_ADDR", "localhost")
os.environ.setdefault("MASTER_PORT", "29500")
# The ranks share this machine's cores; more threads than cores slow each other down.
torch.set_num_threads(max(1, (os.cpu_count() or 1) // STAGES))
dist.init_process_group("gloo", rank=rank, world_size=STAGES)

torch.manual_seed(SEED)
tokenizer = SPTokenizer()
vocab_size = tokenizer.vocab_size
net: LLamaFirstStage | LLamaStage | LLamaLastStage
if rank == 0:
    net = LLamaFirstStage(
        vocab_size, dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
    )
elif rank == STAGES - 1:
    net = LLamaLastStage(
        vocab_size, dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L
    )
else:
    net = LLamaStage(dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L)
optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
# The first stage needs the tokens as input, the last one the same tokens as target. Both read the same
# stories in the same order, so tokens need not be sent.
batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L))


def run_schedule(micro_batches: list[Tensor]) -> float:  # noqa: ARG001  for your schedule
    """Run all micro-batches forward and backward through this rank's stage.

    micro_batches: the tokens of each, int64 `(1, SEQ_L)`. Between stages travel float32 `(1, SEQ_L, DMODEL)`.

    Must leave in the parameters' .grad the gradient of the loss of the *whole* batch. Return that loss in the
    last stage, anything elsewhere.
    """
    # Your schedule. For each micro-batch k, in an order of your choice:
    #
    # forward    get the input: the first stage from micro_batches[k], the others by dist.irecv from rank - 1
    #            (a received tensor needs .requires_grad_(), or backward will leave no gradient in it)
    #            run the stage: net.embed(tokens) in the first, net(x) in the others
    #            send the output, detached, to rank + 1 with dist.isend; keep it, backward starts from it
    # backward   the last stage starts from its loss, causalLLMLoss(logits, micro_batches[k], vocab_size):
    #            what must the gradients of three micro-batches add up to?
    #            the others get the gradient of their output with dist.irecv from rank + 1 and go on from it
    #            send the gradient of the input to rank - 1 with dist.isend
    #
    # isend and irecv return a Work at once. wait() for it before you read a received tensor, and before you
    # change or drop a sent one. Messages between two ranks arrive in the order in which they were sent; tags
    # are good practice, though not required: with them none is taken for another.
    #
    # While stage 1 works on micro-batch 0, stage 0 should already work on micro-batch 1: draw it.
    sys.exit(
        f"b1.py, rank {rank}: the schedule is not written yet, so there is nothing to train. Write it in "
        "run_schedule(), where the comment begins with 'Your schedule', and run b1.sh again."
    )


for step in range(STEPS):
    optimizer.zero_grad()
    loss = run_schedule(list(next(batches).chunk(MICRO_BATCHES)))
    optimizer.step()
    if rank == STAGES - 1:
        print(f"step {step} loss {loss:.4f}", flush=True)

dist.barrier()  # nobody leaves while another may still be reading from it
dist.destroy_process_group()
