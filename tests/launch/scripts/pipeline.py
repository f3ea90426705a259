"""A pipeline of three stages with micro-batches, GPipe order; the options make it bigger or wrong.

python pipeline.py RANK [--width 16] [--mistake NAME] [--honour]
"""

import argparse
import os
import time

import torch
import torch.distributed as dist
from torch import nn

MICRO_BATCHES, SEQUENCE, BATCH, WORDS = 3, 8, 6, 50


class First(nn.Module):
    """The first stage: `embed` is a plain method, as in the course's library."""

    def __init__(self, width, layers):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, width)
        self.layers = layers

    def embed(self, tokens):
        return self.layers(self.embedding(tokens))


def layers(width, heads):
    if heads == 0:
        return nn.Linear(width, width)
    block = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(block, 2, enable_nested_tensor=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rank", type=int)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--heads", type=int, default=0)
    parser.add_argument("--sequence", type=int, default=SEQUENCE)
    parser.add_argument("--mistake", default="")
    parser.add_argument("--honour", action="store_true")
    options = parser.parse_args()
    rank, last = options.rank, 2
    os.environ["MASTER_PORT"] = "29500"
    dist.init_process_group("gloo", rank=rank, world_size=3)
    torch.manual_seed(0)
    body = layers(options.width, options.heads)
    if rank == 0:
        net = First(options.width, body)
    elif rank == 1:
        net = body
    else:
        net = nn.Sequential(body, nn.Linear(options.width, WORDS))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    count = int(os.environ["LAB_STEPS"]) if options.honour else 5000
    for step in range(count):
        misbehave(options.mistake, rank, step)
        tokens = torch.randint(
            0, WORDS, (BATCH, options.sequence), generator=torch.Generator().manual_seed(step)
        )
        train(net, optimizer, tokens, rank, last, options)


def misbehave(mistake, rank, step):
    if step == 1 and rank == 1:
        if mistake == "sleep":
            time.sleep(1000)
        if mistake == "raise":
            raise ValueError("the matrix has lost its shape")
        if mistake == "leave":
            raise SystemExit
        if mistake == "segfault":
            import ctypes

            ctypes.string_at(0)


def train(net, optimizer, tokens, rank, last, options):
    optimizer.zero_grad()
    shape = (BATCH // MICRO_BATCHES, options.sequence, options.width)
    inputs, outputs, sends = [], [], []
    for number, batch in enumerate(tokens.chunk(MICRO_BATCHES)):
        if rank == 0:
            output = net.embed(batch)
        else:
            received = torch.empty(shape)
            dist.recv(received, rank - 1, tag=number)
            inputs.append(received.requires_grad_())
            output = net(received)
        if rank == last:
            output = nn.functional.cross_entropy(output.flatten(0, 1), batch.flatten()) / MICRO_BATCHES
        else:
            sends.append(dist.isend(output.detach(), rank + 1, tag=number))
        outputs.append(output)
    for number, output in enumerate(outputs):
        if rank == last:
            output.backward()
        else:
            gradient = torch.empty(shape)
            tag = number + (4 if options.mistake == "tags" and rank == 1 else 0)
            dist.recv(gradient, rank + 1, tag=tag)
            output.backward(gradient)
        if rank > 0:
            sends.append(dist.isend(inputs[number].grad, rank - 1, tag=number))
    for send in sends:
        send.wait()
    optimizer.step()


if __name__ == "__main__":
    main()
