torchrun --nproc-per-node 3 b1.py
