# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% deletable=false tags=["setup"]
from typing import Literal

from ring import Ring


# %% [markdown]
# # Ring all-reduce
#
# Each of $n$ workers has computed a gradient: a vector of $L$ numbers. Before the next step of training, every
# worker needs the *sum* of all of them. No worker should have to send or receive more than the others.
#
# | Exercise | Points | What you hand in |
# |---|---:|---|
# | R1 Ring all-reduce | 2 | a function |
# | R2 What it costs | 2 | two answers and an explanation |
#
# - **Replace every `...`** and leave everything else about a marked cell as it is: its tag, the names in it and
#   their parameters. Cells without a tag are yours.
# - **Check yourself** as often as you like. Save the notebook, then say in a terminal, in this homework's folder:
#
#   ```
#   pytest -fpath notebooks/handout.ipynb
#   ```
#
#   (one dash). This tells you whether your work is complete and runs, not whether it is right.

# %% [markdown]
# #### R1 Ring all-reduce (2 points)
#
# The workers stand in a ring, and each cuts its vector into $n$ chunks of the same length. In every step each
# worker sends *one* chunk to its right neighbour. Here for three workers `a`, `b`, `c`, and what each has of the
# chunks 0, 1 and 2:
#
# ```
#               worker a              worker b              worker c
# start      a0    a1    a2        b0    b1    b2        c0    c1    c2
# step 1     a0    a1    a2+c2     a0+b0 b1    b2        c0    b1+c1 c2
# step 2     a0    sum1  a2+c2     a0+b0 b1    sum2      sum0  b1+c1 c2
# step 3     sum0  sum1  …         …     sum1  sum2      sum0  …     sum2
# step 4     sum0  sum1  sum2      sum0  sum1  sum2      sum0  sum1  sum2
# ```
#
# Up to step $n - 1$ a worker *adds* what arrives to its own chunk; from then on it *replaces* its own.
#
# Write `all_reduce`. `vectors` has one vector per worker, whose length is a multiple of `ring.workers`. The only way
# for a number from one worker to another is `arrived = ring.send(worker, numbers)`, which sends from `worker` to its
# right neighbour. Return the vector that each worker ends with.

# %% deletable=false tags=["all_reduce"]
def all_reduce(ring: Ring, vectors: list[list[float]]) -> list[list[float]]:
    ...


# %%
ring = Ring(3)
print(all_reduce(ring, [[1, 2, 3], [10, 20, 30], [100, 200, 300]]))
print(ring.sent)


# %% [markdown]
# #### R2 What it costs (2 points)
#
# `ring.sent` has, for each worker, the lengths of the messages that it has sent. Try rings of 2, 4, 8 … 64
# workers with vectors of 64 numbers.
#
# - `q1`: how does the count of numbers that *each* worker sends grow with $n$, for many workers?
# - `q2`: let the time of a message hardly depend on its length, as it does where vectors are short. Is the ring then
#   the fastest way for many workers?

# %% deletable=false tags=["all_reduce_observations"]
class AllReduceObservations:
    q1: Literal["constant", "linear", "quadratic"] = ...
    q2: bool = ...

# %% [markdown]
# Explain both answers in two to four sentences in the next cell: how many messages does a worker send, how long are
# they, and what does a worker wait for?

# %% [markdown] deletable=false tags=["all_reduce_explanation"]
# *Your explanation*
