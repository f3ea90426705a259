"""Three ranks, two steps, started by torch's own `spawn`; in the second step rank 1 fails if asked to."""

import os
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def train(rank, fail):
    dist.init_process_group("gloo", rank=rank, world_size=3)
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(int(os.environ["LAB_STEPS"])):
        if fail and step == 1 and rank == 1:
            raise ValueError("rank 1 had enough")
        optimizer.zero_grad()
        net(torch.ones(1, 2)).sum().backward()
        for parameter in net.parameters():
            dist.all_reduce(parameter.grad)
        optimizer.step()


if __name__ == "__main__":
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "localhost", "12355"
    mp.spawn(train, args=("fail" in sys.argv,), nprocs=3)
