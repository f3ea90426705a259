# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% deletable=false tags=["setup"]
from typing import Literal

from lab_2_hfl.hfl_complete import *

# %% [markdown]
# # Homework 1: learning on many machines
#
# There are two good reasons to train on more than one machine. In **part A** the *data* must stay where it
# is: many clients learn one model together without showing each other a single example. In **part B** the
# *model* is too large for one machine: it is cut into stages, and micro-batches flow through them as along
# an assembly line.
#
# | Exercise | Points | What you hand in |
# |---|---:|---|
# | A1.1 FedSGD with weights | 1 | a class |
# | A1.2 When the two FedSGDs differ | 1 | two numbers and an explanation |
# | A1.3 FedAvg with pseudo-gradients | 1 | a class |
# | A2.1 Number of clients | 2 | a function and three answers |
# | A2.2 Fraction of clients | 2 | a function and three answers |
# | A3.1 Local epochs | 1 | a function and three answers |
# | A3.2 IID and non-IID data | 2 | a function and two answers |
# | A3.3 Parameters for non-IID data | 2 | a function and two answers |
# | **Part A** | **12** | **this notebook** |
# | B1 Pipeline with micro-batches | 7 | `b1.py`, `b1.sh` |
# | B2 Two pipelines | 5 | `b2.py`, `b2.sh` |
# | **Part B** | **12** | **an archive of the four scripts** |
#
# In A2 and A3 the function and the answers carry half of the points each.

# %% [markdown]
# ## How to work with this notebook
#
# - **Replace every `...`** and leave everything else about a marked cell as it is: its tag, the names in
#   it, their parameters and defaults. Tags are how your answers are found, so answer in the cell you were
#   given. (In Jupyter the property inspector shows a cell's tags; editors such as VS Code show them below
#   the cell.)
# - Cells without a tag are yours: change them, delete them, add more. A marked cell may use functions that
#   you define in cells of your own, and what you import there.
# - The notebook runs from top to bottom at any time. While something is still `...`, the cells that would
#   use it simply show nothing.
# - **Check yourself** as often as you like. Save the notebook, then type in a terminal, in the notebook's
#   folder:
#
#   ```
#   pytest -fpath homework_1.ipynb
#   ```
#
#   (one dash). This tells you whether your work is complete and runs, and what to do next if it does not.
#   It does not tell you whether an answer is right: that is what the experiments are for.
# - Full experiments take a few minutes each, the last one the longest. While you are still programming,
#   use fewer rounds (`client_number_experiments(nr_rounds=2)`) or less data: start Jupyter with
#   `LAB_2_HFL_TRAIN_SAMPLES=20000` and `LAB_2_HFL_TEST_SAMPLES=2000` set in its environment. Unset both
#   again before you read your answers from the results.

# %% [markdown]
# ## Part A: horizontal federated learning (12 points)
#
# A server and $N$ clients train one model. Client $k$ holds $n_k$ examples, which never leave it. One round
# goes like this:
#
# ```
#                  server, weights w             1  draws m = max(1, round(C N)) clients
#            ┌─────────────┼─────────────┐       2  sends them w
#            ▼             ▼             ▼
#        client 8      client 31     client 74   3  each works on its own data
#            │             │             │
#            └─────────────┼─────────────┘       4  each sends its update back
#                          ▼
#                 server, new weights            5  averages the updates, weighted by
#                                                   the clients' sample counts
# ```
#
# The two algorithms of McMahan et al. ([Communication-Efficient Learning of Deep Networks from
# Decentralized Data](https://arxiv.org/abs/1602.05629), 2017) differ in steps 3 to 5:
#
# | | FedSGD | FedAvg |
# |---|---|---|
# | client computes | $g_k = \nabla F_k(w)$, one gradient | $w \to w_k$ by $E$ epochs in batches of $B$ |
# | and sends | $g_k$ | $w_k$ |
# | server sets | $w \leftarrow w - \eta \sum_k \frac{n_k}{n} g_k$ | $w \leftarrow \sum_k \frac{n_k}{n} w_k$ |
#
# where $F_k$ is the mean loss over all of client $k$'s data, both sums run over the clients of the round,
# and $n = \sum_k n_k$ over the same clients.
#
# **Symbols and their names in the code.** $N$ is `nr_clients`, $C$ `client_fraction`, $B$ `batch_size`,
# $E$ `nr_local_epochs` and $\eta$ `lr`. Unless an exercise says otherwise, $N = 100$, $C = 0.1$, $B =
# 100$, $E = 1$, $\eta = 0.01$, there are 10 rounds, the data are IID, and `seed = 10` is passed to
# everything that takes a seed: the servers, and `split(nr_clients, iid, seed)`. A batch size of `-1`
# stands for infinity: all of a client's samples in one batch.
#
# **What a run yields.** `server.run(nr_rounds)` returns a `RunResult` with one value per round in each of
# three lists:
#
# - `test_accuracy`: in percent, of the server's model after the round;
# - `message_count`: messages since the start of the run, so the list is *cumulative*. Each client of a
#   round accounts for two: it receives the weights and sends its update;
# - `wall_time`: seconds since the start, as if the clients of a round worked at the same time: a round
#   lasts as long as its slowest client plus the server's own part. Testing does not count.
#
# **Reproducible by rule.** The model has dropout, so even one gradient is random. The library therefore
# seeds torch before each client's update with
#
# $$\text{server's seed} + \text{client's index} + 1 + \text{round} \times m$$
#
# with rounds and clients counted from 0, and draws a round's clients by one call of
# `self.rng.choice(nr_clients, m, replace=False)`. A client goes over its data once per epoch, through its
# `loader_train` or a `DataLoader` of its own: beginning such a pass takes one random number, which changes
# the dropout masks. If you follow these three rules, you get the same clients and the same masks, and
# hence comparable results. The classes that you are given already follow them.

# %% [markdown]
# ### A1: gradients or weights?
#
# #### A1.1 FedSGD with weights (1 point)
#
# The given `FedSgdServer` has clients that send gradients. Write `FedSgdWeightServer`, a FedSGD whose
# clients send *weights*: each takes its step by itself, $w_k = w - \eta\, g_k$, and the server averages
# what it receives.
#
# Compared with `FedSgdServer(lr, client_subsets, client_fraction, seed)` under the same arguments, your
# server must
#
# - have the same weights after every round, up to rounding (and so the same accuracy, within 0.02 points);
# - count the same messages;
# - have clients whose `update` returns their *weights after the step*, with torch seeded by the rule above.
#
# This must hold for any split, including one in which clients hold different numbers of samples.
# `FedSgdServer` itself may not be used: it is switched off while your class is checked. Your class is
# called with these four arguments in this order, so the names of its parameters are yours.
#
# *Hint:* a `FedAvgServer` already sends weights. How much is left to write?

# %% deletable=false tags=["fedsgd_weight"]
from solutions.federated import FedSgdWeightServer


# %% [markdown]
# The next cell lets you see for yourself: two servers side by side, round by round. It shows nothing until
# your class is written.

# %%
def compare_servers(given: Server, yours: Server, nr_rounds: int = 3) -> None:
    """Run both and print what each measured after each round; nothing while `yours` is not written yet."""
    if not hasattr(yours, "model"):
        return
    expected, actual = given.run(nr_rounds), yours.run(nr_rounds)
    if actual is None:
        return
    pairs = zip(given.model.parameters(), yours.model.parameters(), strict=True)
    distance = max((one - other).abs().max().item() for one, other in pairs)
    table = DataFrame(
        {
            "Accuracy, given": expected.test_accuracy,
            "Accuracy, yours": actual.test_accuracy,
            "Messages, given": expected.message_count,
            "Messages, yours": actual.message_count,
        }
    )
    table.index += 1
    print(table, f"Largest difference between two weights at the end: {distance:.1e}", sep="\n", end="\n\n")


for fedsgd_setting in [(0.01, split(100, True, 10), 0.1), (0.1, split(50, False, 10), 0.1)]:
    compare_servers(FedSgdServer(*fedsgd_setting, 10), FedSgdWeightServer(*fedsgd_setting, 10))

# %% [markdown]
# #### A1.2 When the two FedSGDs differ (1 point: 0.5 for the numbers, 0.5 for the explanation)
#
# Suppose the clients of your `FedSgdWeightServer` trained as FedAvg's do, with some batch size $B$ and for
# some number of local epochs $E$. For most choices that is no longer FedSGD. Every client holds 600
# samples, as with `split(100, iid, seed)` of 60,000 images. Name
#
# - `fed_sgd_grad_unequal_weight_bs`: a batch size with which, at one local epoch, gradients and weights
#   lead to different models;
# - `fed_sgd_grad_unequal_weight_e`: a number of local epochs with which they do, even if each epoch is one
#   batch of all the client's samples.
#
# Both are plain integers.

# %% deletable=false tags=["fedsgd_diff"]
from solutions.federated import fed_sgd_grad_unequal_weight_bs, fed_sgd_grad_unequal_weight_e

# %% [markdown]
# Now explain in a few sentences, in the cell below, for a person to read: for which $B$ and $E$ do the two
# versions agree, and why? What differs for the others? And why do $\eta$, $C$, $N$ and the split play no
# part in it? A line of algebra says more than a paragraph.

# %% [markdown] deletable=false tags=["fedsgd_explanation"]
# **They agree for $E = 1$ and $B \ge n_k$ for every client** ($B = \infty$, in the paper's words). Then a
# client's local training is exactly one SGD step over all its data, $w_k = w - \eta\, g_k$ with $g_k =
# \nabla F_k(w)$, and averaging is linear:
#
# $$\sum_k \frac{n_k}{n} w_k = \sum_k \frac{n_k}{n} (w - \eta g_k) = w - \eta \sum_k \frac{n_k}{n} g_k,$$
#
# because the shares $n_k / n$ add up to one. The right-hand side is FedSGD's step with gradients. All
# clients of a round start at the same $w$, and the same seed gives the same dropout masks; the results
# differ only by rounding.
#
# **Otherwise they diverge, because a client takes more than one step.** With $B < n_k$ or $E > 1$, client $k$
# takes $s_k = E \lceil n_k / B \rceil$ steps, each along a gradient at the point that the step before has
# reached:
#
# $$w_k = w - \eta \sum_{i=0}^{s_k - 1} g_k^{(i)}\!\left(w_k^{(i)}\right), \qquad w_k^{(0)} = w.$$
#
# From $i = 1$ on, $w_k^{(i)} \ne w$, so these gradients are no longer parts of $g_k$, but contain what the
# client has meanwhile learnt from its own data. The client also moves about $s_k$ times as far, since
# each of the $s_k$ steps has the full length $\eta$. And each batch draws dropout masks of its own. With
# 600 samples per client, $B = 100$ makes six steps of an epoch, and $E = 2$ makes two even with $B =
# \infty$.
#
# **The other parameters appear on both sides alike.** $\eta$ is the same factor in both forms, $C$ and $N$
# decide which clients are in the sum, the split decides what their $g_k$ are: none of them changes how many
# steps a client takes. (The optimizer would: with momentum or Adam, state kept by a client is not the same
# as state kept by the server.)

# %% [markdown]
# #### A1.3 FedAvg with pseudo-gradients (1 point)
#
# Now the other way round. A FedAvg client moves from $w$ to $w_k$. Seen from the server, that is one big
# step, and
#
# $$\Delta_k = w - w_k$$
#
# is called a *pseudo-gradient*: the server steps against it as against any gradient, $w \leftarrow w -
# \sum_k \frac{n_k}{n} \Delta_k$. (The learning rate is already inside.) Write
#
# - `FedAvgGradServer`, a `DecentralizedServer` whose `run` goes through the rounds and subtracts the
#   weighted mean of what the clients sent;
# - nested in it `PseudoGradClient`, a `Client` whose `update` trains $E$ epochs in batches of $B$ and
#   returns the old weights minus the new ones, one tensor per parameter, in the model's order.
#
# Compared with `FedAvgServer` under the same arguments, your server must have the same weights after every
# round, up to rounding, and count the same messages. `FedAvgServer` may be neither used nor subclassed: it
# is switched off while your class is checked.
#
# This time you write `run` yourself. `DecentralizedServer.__init__` sets `model`, `rng`, `nr_clients`,
# `nr_clients_per_round`, `client_fraction`, `client_sample_counts`, `lr`, `batch_size` and `seed`;
# `clients` is for you to fill, one for each subset. `Client.__init__(client_data, batch_size)` sets
# `model` and `loader_train`; `train_epoch(model, loader, optimizer)` trains one epoch. `run` returns a
#
# ```python
# RunResult(self.name, n, c, b, e, lr, seed, wall_time, message_count, test_accuracy)
# ```
#
# with a `self.name` of your choice, the server's parameters, and the three lists as described above: one
# entry per round, messages cumulative (two for each client of the round), accuracies from `self.test()`
# after the model was updated, times from `perf_counter()` with the slowest client of each round in place of
# all of them.

# %% deletable=false tags=["fedavg_grad"]
from solutions.federated import FedAvgGradServer

# %%
fedavg_subsets = split(100, True, 10)
compare_servers(
    FedAvgServer(0.02, 100, fedavg_subsets, 0.1, 2, 10),
    FedAvgGradServer(0.02, 100, fedavg_subsets, 0.1, 2, 10),
)


# %% [markdown]
# ### A2: how many clients?
#
# Write a function for each experiment. It runs FedSGD (`FedSgdServer`) and FedAvg (`FedAvgServer`) in each
# setting and returns a `DataFrame` with the columns
#
# > `Algorithm`, `N`, `C`, `Message count`, `Test accuracy`
#
# in this order, and with six rows: for each setting, in the order named, first `FedSGD`, then `FedAvg`.
# Count and accuracy are those *at the end* of the run. All parameters must be used: your function is also
# called with other values than the defaults. Pass `seed` both to `split` and to the servers.
#
# The cell after each function runs it and draws what it found.

# %%
def draw_lines(frame: DataFrame, x_label: str) -> None:
    """Draw a line for each column of `frame`, over its index."""
    axes = frame.plot(marker="o", grid=True, xticks=list(frame.index))
    axes.set_xlabel(x_label)
    axes.set_ylabel("Test accuracy (%)")
    axes.legend(title=None)


def draw_table(table: DataFrame | None, by: str) -> DataFrame | None:
    """Draw both algorithms' final accuracies over the column `by`; nothing while there is no table."""
    if table is not None:
        draw_lines(table.pivot(index=by, columns="Algorithm", values="Test accuracy"), by)
    return table


def draw_curves(curves: dict[str, list[float]] | None) -> None:
    """Draw accuracies after each round, a line for each key; nothing while there are no curves."""
    if curves is not None:
        frame = DataFrame(curves)
        draw_lines(frame.set_index(frame.index + 1), "Round")


# %% [markdown]
# #### A2.1 Number of clients (2 points)
#
# The data set stays the same and is divided among $N = 10, 50, 100$ clients, in this order. So the more
# clients there are, the less each one knows.

# %% deletable=false tags=["client_number_experiments"]
from solutions.experiments import client_number_experiments

# %%
draw_table(client_number_experiments(), by="N")

# %% [markdown]
# What did you observe, with the defaults? Put one of the listed options in place of each `...`, spelt
# exactly as listed.

# %% deletable=false tags=["client_number_observations"]
from solutions.observations import ClientNumberObservations

# %% [markdown]
# #### A2.2 Fraction of clients (2 points)
#
# Now $N$ is fixed and the share of clients that take part in a round varies: $C = 0.01, 0.1, 0.2$, in this
# order.

# %% deletable=false tags=["client_fraction_experiments"]
from solutions.experiments import client_fraction_experiments

# %%
draw_table(client_fraction_experiments(), by="C")

# %% deletable=false tags=["client_fraction_observations"]
from solutions.observations import ClientFractionObservations

# %% [markdown]
# ### A3: local work, and data that differ between clients
#
# These functions return curves instead of a table: a `dict` from the name of each variant to a list with
# the test accuracy (percent) after each of the `nr_rounds` rounds, in the order in which the variants are
# named.

# %% [markdown]
# #### A3.1 Local epochs (1 point)
#
# A FedAvg client may go over its data more than once before it answers. Compare four variants, with these
# keys:
#
# > `FedSGD E=1`, `FedAvg E=1`, `FedAvg E=2`, `FedAvg E=4`

# %% deletable=false tags=["local_epoch_experiments"]
from solutions.experiments import local_epoch_experiments

# %%
draw_curves(local_epoch_experiments())

# %% deletable=false tags=["local_epoch_observations"]
from solutions.observations import LocalEpochObservations

# %% [markdown]
# #### A3.2 IID and non-IID data (2 points)
#
# So far each client held a fair sample of all digits. With `split(n, False, seed)` the data are sorted by
# label and cut into $2N$ shards, of which every client gets two: most clients know only two digits. Compare
#
# > `FedSGD iid`, `FedSGD non-iid`, `FedAvg iid`, `FedAvg non-iid`

# %% deletable=false tags=["iid_noniid_experiments"]
from solutions.experiments import iid_noniid_experiments

# %%
draw_curves(iid_noniid_experiments())

# %% deletable=false tags=["iid_noniid_observations"]
from solutions.observations import IidNonIidObservations

# %% [markdown]
# #### A3.3 Parameters for non-IID data (2 points)
#
# Can better parameters tame non-IID data? *Old* is what you used so far, $\eta = 0.01$ and $C = 0.1$. *New*
# goes in smaller steps and asks more clients: $\eta = 0.001$ and $C = 0.5$. Everything here is non-IID.
# Compare
#
# > `FedSGD Old`, `FedSGD New`, `FedAvg Old`, `FedAvg New`

# %% deletable=false tags=["noniid_parameter_experiments"]
from solutions.experiments import noniid_parameter_experiments

# %%
draw_curves(noniid_parameter_experiments())

# %% deletable=false tags=["noniid_parameter_observations"]
from solutions.observations import NonIidParameterObservations

# %% [markdown]
# ## Part B: parallel training (12 points)
#
# Here you train a small LLaMA on short stories. The model is cut into three stages, each run by a process
# (*rank*) of its own; activations travel forward from rank to rank, gradients travel back. The answers are
# scripts, not cells: start from those in `notebooks/part_b/`, where arguments, process groups and constants
# are ready and the schedule is left to you.
#
# Use the setting from the course throughout:
#
# | | |
# |---|---|
# | width (`dmodel`), heads | 288, 6 |
# | layers | 6, so two in each of the 3 stages |
# | sequence length, batch | 256 tokens, 3 sequences |
# | optimizer | Adam, learning rate $8 \times 10^{-4}$ |
# | optimizer steps | 5,000; fewer if the environment variable `LAB_STEPS` says so |
# | backend, seed | `gloo`, 0 |
#
# A **pipeline without micro-batches** uses one stage at a time while the others wait. Cut the batch
# into $m$ micro-batches, and the stages overlap. GPipe ([Huang et al.,
# 2019](https://arxiv.org/abs/1811.06965)) first sends all micro-batches forward, then all back; for $p = 3$
# stages and $m = 3$ micro-batches:
#
# ```
#   time ────►  1    2    3    4    5    6    7    8    9    10
#            ┌────┬────┬────┬────┬────┬────┬────┬────┬────┬────┐
#   rank 0   │ F0 │ F1 │ F2 │    │    │    │    │ B0 │ B1 │ B2 │
#            ├────┼────┼────┼────┼────┼────┼────┼────┼────┼────┤
#   rank 1   │    │ F0 │ F1 │ F2 │    │    │ B0 │ B1 │ B2 │    │
#            ├────┼────┼────┼────┼────┼────┼────┼────┼────┼────┤
#   rank 2   │    │    │ F0 │ F1 │ F2 │ B0 │ B1 │ B2 │    │    │
#            └────┴────┴────┴────┴────┴────┴────┴────┴────┴────┘
# ```
#
# F$k$ and B$k$ are the forward and the backward pass of micro-batch $k$; when all are done, every rank
# takes its optimizer step. The order of the backward passes is yours to choose, as long as both ends of a
# connection agree on it.
#
# The empty fields are the *bubble*, the time in which a rank waits. Its share is $\frac{p-1}{m+p-1}$, here
# two fifths; it shrinks as $m$ grows.

# %% [markdown]
# ### B1 Pipeline with micro-batches (7 points; 1 of them for the explanation)
#
# Write `b1.py`, which runs one rank of a pipeline of three stages with micro-batches. `b1.sh` starts all
# three (`python b1.py RANK`) and waits for them; the starter has one that you may keep. The model must
# learn exactly what it would learn from the whole batch: before each optimizer step the gradient of every
# parameter, on every rank, equals that of a single process which takes the batch in one piece.
#
# - **Use `isend` and `irecv`**, the non-blocking forms of `send` and `recv`, and give messages tags. Plain
#   `send` can end in a deadlock: if rank 1 sends activations to rank 2 at the moment in which rank 2 sends
#   gradients to rank 1, each waits for the other to receive, forever.
# - `isend` and `irecv` return at once, with a handle. Before `handle.wait()` returns, what you receive is
#   not there yet, and what you send must not be overwritten.
# - Gradients add up over calls of `backward()` until they are set to zero; and a loss scaled by a constant
#   has gradients scaled by the same constant. Mind what a *mean* over the batch becomes when the batch
#   comes in pieces: Adam hardly notices a wrong scale in the loss curve, but your gradients are compared.
# - `gloo` does not overlap communication and computation as well as `nccl` does, so do not expect a large
#   speed-up on your machine. What counts is the schedule.
#
# **Explain** in comments, or in a text file beside the scripts, how your schedule works, why the gradients
# come out right and why it cannot deadlock. A person reads this.

# %% [markdown]
# ### B2 Two pipelines (5 points; 1 of them for the explanation)
#
# Now combine data and model parallelism: two pipelines of three stages, six ranks, and three micro-batches
# in each pipeline. Each pipeline trains on its own data; before the optimizer step the gradients of *the
# same stage* in both pipelines are averaged, so that the two copies of a stage always stay equal.
#
# ```
#                 stage 0         stage 1         stage 2
#
#   pipeline 0    rank 0  ─────►  rank 1  ─────►  rank 2      stories of its own
#                   ║               ║               ║
#                   ║               ║               ║         all-reduce within a stage
#                   ║               ║               ║
#   pipeline 1    rank 3  ─────►  rank 4  ─────►  rank 5      other stories
# ```
#
# - `TinyStories(tokenizer, ..., skip=...)` leaves out that many samples, so that the pipelines get
#   different data. Within a pipeline, the first and the last stage need the same data.
# - `dist.new_group(ranks)` makes a group for the collectives of some ranks. *All* ranks must call it for
#   *every* group, in the same order, even for the groups that they do not belong to.
# - Both copies of a stage must start from the same weights.
#
# Hand in `b2.py` and `b2.sh`, and explain as in B1.

# %% [markdown]
# ### Run it, look at it, hand it in
#
# The launcher runs your script for a few steps, watches every rank, and tells you how it ended:
#
# ```
# cd part_b
# python -m launch b1.sh --ranks 3 --steps 8
# python -m launch b2.sh --ranks 6 --steps 8
# ```
#
# A run *finished*, *crashed* (with the first rank that failed, and its traceback), is *deadlocked* (with
# who waits for whom, in which line), is *too slow*, or made the *wrong number of steps*. In
# `launch-output/b1/picture.svg` you find your pipeline: a row for each rank, a box for each forward and
# backward pass, and your bubble next to the ideal one. Open it in a browser and compare it with the
# staircase above.
#
# **What is graded.** Your scripts run on a CPU without a network, whatever device they name, for a few
# steps:
#
# - all ranks start, take every step that was asked for and end, without a deadlock; the shell script starts
#   and awaits them;
# - there are 3 (B2: 6) ranks with the depth and width given above;
# - micro-batches are really used: a stage sends one on before it has received the next, with non-blocking
#   calls;
# - the gradients at every step, and the parameters after the last one, are those of a single process;
# - in B2 the two copies of a stage stay equal, the pipelines see different data, and nothing is reduced
#   outside a stage;
# - the explanation, by a person.
#
# **Hand in** this notebook, and an archive (`.zip` or `.tar.gz`) with `b1.py`, `b1.sh`, `b2.py`, `b2.sh`
# and, if you like, a text file with your explanation. Good luck!
