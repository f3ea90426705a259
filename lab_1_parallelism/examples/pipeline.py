"""A pipeline of three stages, without micro-batches.

    python pipeline.py RANK         pipeline.sh starts ranks 0, 1 and 2

Time to the right, F forward and B backward of the whole batch:

    stage 0   F  .  .  .  .  B
    stage 1   .  F  .  .  B  .
    stage 2   .  .  F  B  .  .

Memory is shared out over three processes, time is not: only one stage works at any moment.
"""
# mypy: allow-untyped-calls

import os
import sys

import torch
import torch.distributed as dist

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer

WORLD_SIZE = 3
DEVICE = "cpu"
DMODEL = 288
NUM_HEADS = 6
LAYERS_PER_STAGE = 6 // WORLD_SIZE
SEQ_L = 256
BATCH_SIZE = 3
LEARNING_RATE = 8e-4
STEPS = int(os.environ.get("LAB_STEPS", "5000"))

rank = int(sys.argv[1])
os.environ.setdefault("MASTER_ADDR", "localhost")
os.environ.setdefault("MASTER_PORT", "29500")
# The ranks share this machine's cores; more threads than cores slow each other down.
torch.set_num_threads(max(1, (os.cpu_count() or 1) // WORLD_SIZE))
dist.init_process_group("gloo", rank=rank, world_size=WORLD_SIZE)

torch.manual_seed(0)
tokenizer = SPTokenizer()
net: LLamaFirstStage | LLamaStage | LLamaLastStage
if rank == 0:
    net = LLamaFirstStage(
        tokenizer.vocab_size,
        dmodel=DMODEL,
        num_heads=NUM_HEADS,
        n_layers=LAYERS_PER_STAGE,
        ctx_size=SEQ_L,
        padding_idx=tokenizer.pad_id,
        device=DEVICE,
    )
elif rank == 1:
    net = LLamaStage(
        dmodel=DMODEL, num_heads=NUM_HEADS, n_layers=LAYERS_PER_STAGE, ctx_size=SEQ_L, device=DEVICE
    )
else:
    net = LLamaLastStage(
        tokenizer.vocab_size,
        dmodel=DMODEL,
        num_heads=NUM_HEADS,
        n_layers=LAYERS_PER_STAGE,
        ctx_size=SEQ_L,
        device=DEVICE,
    )
optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
# The first stage reads the stories as input, the last one the same stories as target: nobody sends tokens.
batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L))

for step in range(STEPS):
    tokens = next(batches).to(DEVICE)
    optimizer.zero_grad()

    # Forward: take the activations from the stage before, pass on one's own.
    if rank == 0:
        output = net(tokens)
    else:
        received = torch.empty(BATCH_SIZE, SEQ_L, DMODEL)
        dist.recv(received, src=rank - 1)
        received.requires_grad_()  # so that backward leaves in received.grad what the stage before needs
        output = net(received)
    if rank < WORLD_SIZE - 1:
        dist.send(output.detach(), dst=rank + 1)

    # Backward: take the gradient of one's output from the stage after, pass on the gradient of one's input.
    if rank == WORLD_SIZE - 1:
        loss = causalLLMLoss(output, tokens, tokenizer.vocab_size)
        loss.backward()
        print(f"step {step} loss {loss.item():.4f}", flush=True)
    else:
        gradient = torch.empty(BATCH_SIZE, SEQ_L, DMODEL)
        dist.recv(gradient, src=rank + 1)
        output.backward(gradient)
    if rank > 0:
        assert received.grad is not None  # it is a leaf that requires a gradient
        dist.send(received.grad, dst=rank - 1)

    optimizer.step()

dist.barrier()  # nobody leaves while another may still be reading from it
dist.destroy_process_group()
