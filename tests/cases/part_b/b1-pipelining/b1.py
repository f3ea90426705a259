"""B1 with torch.distributed.pipelining: the schedule, the messages and the division by three are the library's."""

import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.pipelining import PipelineStage, ScheduleGPipe

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
torch.manual_seed(0)
if rank == 0:
    net = LLamaFirstStage(tokenizer.vocab_size, **sizes)
elif rank == 1:
    net = LLamaStage(**sizes)
else:
    net = LLamaLastStage(tokenizer.vocab_size, **sizes)
optimizer = torch.optim.Adam(net.parameters(), lr=8e-4)
stage = PipelineStage(net, rank, 3, torch.device("cpu"))


def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return causalLLMLoss(logits, target, tokenizer.vocab_size)


schedule = ScheduleGPipe(stage, 3, loss_fn=loss)
stories = iter(TinyStories(tokenizer, batch_size=3, seq_l=SEQ_L))
for step in range(int(os.environ.get("LAB_STEPS", "5000"))):
    optimizer.zero_grad()
    batch = next(stories)
    if rank == 0:
        schedule.step(batch)
    elif rank == 2:
        schedule.step(target=batch)
    else:
        schedule.step()
    optimizer.step()
dist.barrier()
dist.destroy_process_group()
