"""Every rank computes all three stages by itself, and steps its own one."""

import os
import sys

import torch
import torch.distributed as dist

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer

SEQ_L = 256
DMODEL = 288
NUM_HEADS = 6
LAYERS_PER_STAGE = 2

rank = int(sys.argv[1])
os.environ.setdefault("MASTER_ADDR", "localhost")
os.environ.setdefault("MASTER_PORT", "29500")
torch.set_num_threads(1)
dist.init_process_group("gloo", rank=rank, world_size=3)
tokenizer = SPTokenizer()
sizes = {"dmodel": DMODEL, "num_heads": NUM_HEADS, "n_layers": LAYERS_PER_STAGE, "ctx_size": SEQ_L}
stages = []
for make in (
    lambda: LLamaFirstStage(tokenizer.vocab_size, **sizes),
    lambda: LLamaStage(**sizes),
    lambda: LLamaLastStage(tokenizer.vocab_size, **sizes),
):
    torch.manual_seed(0)
    stages.append(make())
order = [stages[rank], *(stage for number, stage in enumerate(stages) if number != rank)]
optimizers = [torch.optim.Adam(stage.parameters(), lr=8e-4) for stage in order]
stories = iter(TinyStories(tokenizer, batch_size=3, seq_l=SEQ_L))
for step in range(int(os.environ.get("LAB_STEPS", "5000"))):
    for optimizer in optimizers:
        optimizer.zero_grad()
    losses, works = [], []
    for part in next(stories).chunk(3):
        x = part
        for number, stage in enumerate(stages):
            x = stage(x)
            # MESSAGES
        losses.append(causalLLMLoss(x, part, tokenizer.vocab_size) / 3)
    for loss in losses:
        loss.backward()
    # GRADIENTS
    for work, _ in works:
        work.wait()
    for optimizer in optimizers:
        optimizer.step()
dist.barrier()
dist.destroy_process_group()
