"""Ranks that exchange a few messages and make one optimizer step at most: `python messages.py RANK CASE [WORLD_SIZE]`."""

import os
import sys
import threading
import time

import torch
import torch.distributed as dist

RANK, CASE = int(sys.argv[1]), sys.argv[2]
WORLD_SIZE = int(sys.argv[3]) if len(sys.argv) > 3 else 2
OTHER = 1 - RANK


def both_send():
    dist.send(torch.ones(4), OTHER)
    dist.recv(torch.empty(4), OTHER)


def tags_differ():
    if RANK == 0:
        dist.isend(torch.ones(4), 1, tag=4)
        dist.recv(torch.empty(4), 1, tag=0)
    else:
        dist.recv(torch.empty(4), 0, tag=0)


def one_step():
    parameter = torch.nn.Parameter(torch.ones(1))
    parameter.grad = torch.ones(1)
    dist.all_reduce(parameter.grad)
    torch.optim.SGD([parameter], lr=0.1).step()


def one_raises():
    if RANK == 1:
        raise ValueError("rank 1 had enough")
    dist.recv(torch.empty(4), OTHER)


def members_alone():
    group = dist.new_group([0, 1]) if RANK < 2 else dist.new_group([2])
    dist.all_reduce(torch.ones(1), group=group)


def threads():
    def exchange(tag):
        received = torch.empty(1)
        dist.recv(received, OTHER, tag=tag)

    sides = [threading.Thread(target=exchange, args=(tag,)) for tag in (0, 1)]
    for side in sides:
        side.start()
    for side in sides:
        side.join()


def send_dropped():
    if RANK == 0:
        dist.isend(torch.ones(4), 1, tag=1)
        dist.recv(torch.empty(4), 1, tag=2)
    else:
        time.sleep(1)
        dist.recv(torch.empty(4), 0, tag=1)


def receive_dropped():
    if RANK == 0:
        time.sleep(1)
        dist.send(torch.ones(4), 1, tag=1)
        dist.send(torch.ones(4), 1, tag=2)
        dist.recv(torch.empty(4), 1, tag=3)
    else:
        dist.irecv(torch.empty(4), 0, tag=1)
        dist.recv(torch.empty(4), 0, tag=2)


def polls():
    if RANK == 0:
        dist.recv(torch.empty(4), 1, tag=2)
    else:
        work = dist.irecv(torch.empty(4), 0, tag=1)
        while not work.is_completed():
            time.sleep(0.01)


def part_of_group():
    if RANK == 0:
        dist.all_reduce(torch.ones(1))
    else:
        dist.recv(torch.empty(1), 0)


def accelerator():
    device = torch.device("cuda", RANK) if RANK else "mps"
    torch.cuda.set_device(RANK)
    with torch.device(device):
        made = torch.zeros(3)
    moved = torch.nn.Linear(3, 3).to(device)(made.to(device)).cuda()
    print("devices", made.device, moved.device, torch.ones(1, device=device).device)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.mps.empty_cache()


os.environ["MASTER_PORT"] = "29500"
dist.init_process_group("gloo" if CASE != "accelerator" else "nccl", rank=RANK, world_size=WORLD_SIZE)
globals()[CASE]()
