"""Primer: train a small LLaMA in one process.

python primer.py
"""
# mypy: allow-untyped-calls

import os

import torch

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.llama import CausalLLama, LLama
from lab_1_parallelism.losses import causalLLMLoss
from lab_1_parallelism.tokenizers import SPTokenizer

DEVICE = "cpu"
DMODEL = 288
NUM_HEADS = 6
N_LAYERS = 6
SEQ_L = 256
BATCH_SIZE = 3
LEARNING_RATE = 8e-4
STEPS = int(os.environ.get("LAB_STEPS", "5000"))

torch.manual_seed(0)
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
batches = iter(TinyStories(tokenizer, batch_size=BATCH_SIZE, seq_l=SEQ_L))

for step in range(STEPS):
    tokens = next(batches).to(DEVICE)
    optimizer.zero_grad()
    logits = net(tokens)
    # The target is the input itself: the loss shifts it by one, so each token is predicted from those before.
    loss = causalLLMLoss(logits, tokens, tokenizer.vocab_size)
    loss.backward()
    optimizer.step()
    print(f"step {step} loss {loss.item():.4f}", flush=True)
