"""Data parallelism by gradients: every rank trains a replica of the whole model on data of its own.

    python data_parallel_gradients.py RANK           data_parallel_gradients.sh starts ranks 0, 1 and 2

    rank 0   forward, backward ─┐
    rank 1   forward, backward ─┼─ mean of the gradients ─ the same optimizer step in every rank
    rank 2   forward, backward ─┘

The replicas begin equal and take equal steps, so they stay equal: together they train on
one batch of nine sequences.
"""
# mypy: allow-untyped-calls

import os
import sys

import torch
import torch.distributed as dist

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import CausalLLama, LLama
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer

WORLD_SIZE = 3
DEVICE = "cpu"
DMODEL = 288
NUM_HEADS = 6
N_LAYERS = 6
SEQ_L = 256
BATCH_SIZE = 3
LEARNING_RATE = 8e-4
STEPS = int(os.environ.get("LAB_STEPS", "5000"))
STORIES_PER_RANK = 100_000  # far more than a rank reads, about 7 a step

rank = int(sys.argv[1])
os.environ.setdefault("MASTER_ADDR", "localhost")
os.environ.setdefault("MASTER_PORT", "29500")
# The ranks share this machine's cores; more threads than cores slow each other down.
torch.set_num_threads(max(1, (os.cpu_count() or 1) // WORLD_SIZE))
dist.init_process_group("gloo", rank=rank, world_size=WORLD_SIZE)

torch.manual_seed(0)  # the same in every rank: all replicas begin with the same weights
tokenizer = SPTokenizer()
net = LLama(
    CausalLLama,
    tokenizer.vocab_size,
    dmodel=DMODEL,
    num_heads=NUM_HEADS,
    n_layers=N_LAYERS,
    ctx_size=SEQ_L,
    padding_idx=tokenizer.pad_id,
    device=DEVICE,
)
optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
skip = rank * STORIES_PER_RANK  # every rank reads stories of its own
batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L, skip=skip))

for step in range(STEPS):
    tokens = next(batches).to(DEVICE)
    optimizer.zero_grad()
    loss = causalLLMLoss(net(tokens), tokens, tokenizer.vocab_size)
    loss.backward()

    # One message for all parameters: latency is paid once and not for every matrix.
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.view(-1) for gradient in gradients])
    dist.all_reduce(flat, op=dist.ReduceOp.SUM)
    flat /= WORLD_SIZE
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts, strict=True):
        gradient.copy_(mean.view_as(gradient))

    optimizer.step()
    print(f"step {step} rank {rank} loss {loss.item():.4f}", flush=True)

dist.barrier()  # nobody leaves while another may still be reading from it
dist.destroy_process_group()
