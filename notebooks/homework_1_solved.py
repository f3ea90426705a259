# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

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

# %% deletable=false tags=["setup"]
from typing import Literal

import pandas as pd

from lab_2_hfl.hfl_complete import *

# %% [markdown]
# ## How to work with this notebook
#
# - **Replace every `...`** and leave everything else about a marked cell as it is: its tag, the names of its
#   functions and classes, and the parameters and defaults of its functions. Tags are how your answers are
#   found, so answer in the cell you were given. Marked cells can't be deleted. (In Jupyter the property
#   inspector shows a cell's tags; editors such as VS Code show them below the cell.)
# - **Where the exercise leaves a signature free, the one in the cell is a suggestion**: this concerns the two
#   servers of A1 and the client of A1.3. The checks call by what the exercise fixes: a server by position, with the
#   arguments in the order given; `update` likewise; a function of A2 and A3 by the names of its parameters.
# - Cells without a tag are yours: change them, delete them, add more. A marked cell may use functions that
#   you define in cells of your own, and what you import there.
# - The notebook runs from top to bottom at any time. While something is still `...`, the cells that would
#   use it simply show nothing.
# - **There are two sets of tests.** The *public* tests are yours: run them as often as you like. They tell
#   you whether your work is complete and runs, and what to do next if it does not. They do not tell you
#   whether an answer is right: that is what the experiments are for. The *private* tests decide the grade
#   after you have handed in. They compare what your code computes with a reference, also for other
#   arguments than the defaults.
# - **To run the public tests**, save the notebook and open a terminal. The working folder must be the one that
#   this notebook is in, and the environment in which you installed the homework must be active (`docs/students.md`
#   says how). Then type
#
#   ```
#   pytest -fpath homework_1.ipynb
#   ```
#
#   with one dash.
# - **Hand in** through ILIAS: this notebook, saved, and the scripts of part B. The last section of this notebook
#   says what exactly.
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
# The default values under the names that the functions below give them, for trying things out. A function
# gets its own as parameters, and must use those: it is also called with other values.

# %%
n = 100  # clients
iid = True
seed = 10
lr = 0.01  # learning rate
c = 0.1  # fraction of the clients that take part in a round
b = 100  # batch size
e = 1  # local epochs
nr_rounds = 10

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
# *Tip:* use the existing FedAvg: `FedAvgServer` has clients that send weights, and saves you most of the
# code. How much is left to write?

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


for fedsgd_setting in [(lr, split(n, iid, seed), c), (0.1, split(50, False, seed), c)]:
    compare_servers(FedSgdServer(*fedsgd_setting, seed), FedSgdWeightServer(*fedsgd_setting, seed))

# %% [markdown]
# #### A1.2 When the two FedSGDs differ (1 point: 0.5 for the numbers, 0.5 for the explanation)
#
# Suppose your `FedSgdWeightServer` took all the parameters of `FedAvgServer`, and its clients trained
# accordingly. Then FedSGD with weights would not always be equivalent to FedSGD with gradients. Assume that a
# client holds at most 600 samples. Give examples for which the two are *not* equivalent:
#
# - `fed_sgd_grad_unequal_weight_bs`: a batch size;
# - `fed_sgd_grad_unequal_weight_e`: a number of local epochs.
#
# Both are plain integers. (*Clarification:* each must be enough by itself, whatever the other one is.)

# %% deletable=false tags=["fedsgd_diff"]
from solutions.federated import fed_sgd_grad_unequal_weight_bs, fed_sgd_grad_unequal_weight_e

# %% [markdown]
# Now explain in the cell below, for a person to read: **in which cases, for the different parameters of
# decentralized learning, are FedSGD with weights and FedSGD with gradients equivalent**, and why? (*Symbols and
# their names in the code*, above, lists the parameters.) A few sentences are enough; a line of algebra says more
# than a paragraph.

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
#   returns the old weights minus the new ones, one tensor per parameter, in the model's order. Leave it
#   inside `FedAvgGradServer`, and refer to it as `FedAvgGradServer.PseudoGradClient`.
#
# Compared with `FedAvgServer` under the same arguments, your server must have the same weights after every
# round, up to rounding, and count the same messages. `FedAvgServer` may be neither used nor subclassed: it
# is switched off while your class is checked. Your server is called with the six arguments that it has below,
# in this order. The names of its parameters are yours, and so are those of the client's constructor, which
# only your server calls.
#
# This time you write `run` yourself. `DecentralizedServer.__init__` sets `model`, `rng`, `nr_clients`,
# `nr_clients_per_round`, `client_fraction`, `client_sample_counts`, `lr`, `batch_size` and `seed`;
# `clients` is for you to fill, one for each subset. `Client.__init__(client_data, batch_size)` sets
# `model` and `loader_train`; `train_epoch(model, loader, optimizer)` trains one epoch. `run` returns a
#
# ```python
# RunResult(algorithm, n, c, b, e, lr, seed, wall_time, message_count, test_accuracy)
# ```
#
# with a name of your choice, the server's own parameters, and the three lists as described above: one
# entry per round, messages cumulative (two for each client of the round), accuracies from `self.test()`
# after the model was updated, times from `perf_counter()` with the slowest client of each round in place of
# all of them.

# %% deletable=false tags=["fedavg_grad"]
from solutions.federated import FedAvgGradServer

# %%
fedavg_subsets = split(n, iid, seed)
compare_servers(
    FedAvgServer(0.02, b, fedavg_subsets, c, 2, seed),
    FedAvgGradServer(0.02, b, fedavg_subsets, c, 2, seed),
)


# %% [markdown]
# ### A2: how many clients?
#
# Write a function for each experiment. It runs FedSGD (`FedSgdServer`) and FedAvg (`FedAvgServer`) in each
# setting and returns a `DataFrame`: the exercise's table, filled in, with its columns and rows in the same
# order. Count and accuracy are those *at the end* of the run. All parameters must be used: your function is
# also called with other values than the defaults. Pass `seed` both to `split` and to the servers.
#
# The cell after each function runs it, keeps what it returned in a variable, and draws and prints it.

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


def draw_curves(curves: dict[str, list[float]] | None) -> DataFrame | None:
    """Draw accuracies after each round, a line for each key, and return them in a table; nothing if there are none."""
    if curves is None:
        return None
    table = DataFrame(curves)
    table.index = pd.RangeIndex(1, len(table) + 1, name="Round")
    draw_lines(table, "Round")
    return table


# %% [markdown]
# #### A2.1 Number of clients (2 points)
#
# The data set stays the same and is divided among $N = 10, 50, 100$ clients. So the more clients there are, the
# less each one knows. Run what is needed to fill in this table:
#
# | Algorithm | N | C | Message count | Test accuracy |
# |---|---|---|---|---|
# | FedSGD | 10 | 0.1 | | |
# | FedAvg | 10 | 0.1 | | |
# | FedSGD | 50 | 0.1 | | |
# | FedAvg | 50 | 0.1 | | |
# | FedSGD | 100 | 0.1 | | |
# | FedAvg | 100 | 0.1 | | |

# %% deletable=false tags=["client_number_experiments"]
from solutions.experiments import client_number_experiments

# %%
client_number_table = client_number_experiments()
draw_table(client_number_table, by="N")

# %% [markdown]
# What did you observe, with the defaults? Answer each question by putting one of the listed options in place of
# its `...`, spelt exactly as listed. A *clarification* says how the question is meant where one could take it
# in more ways than one.

# %% deletable=false tags=["client_number_observations"]
from solutions.observations import ClientNumberObservations

# %% [markdown]
# #### A2.2 Fraction of clients (2 points)
#
# Now $N$ is fixed and the share of clients that take part in a round varies. Fill in this table in the same way:
#
# | Algorithm | N | C | Message count | Test accuracy |
# |---|---|---|---|---|
# | FedSGD | 100 | 0.01 | | |
# | FedAvg | 100 | 0.01 | | |
# | FedSGD | 100 | 0.1 | | |
# | FedAvg | 100 | 0.1 | | |
# | FedSGD | 100 | 0.2 | | |
# | FedAvg | 100 | 0.2 | | |

# %% deletable=false tags=["client_fraction_experiments"]
from solutions.experiments import client_fraction_experiments

# %%
client_fraction_table = client_fraction_experiments()
draw_table(client_fraction_table, by="C")

# %% deletable=false tags=["client_fraction_observations"]
from solutions.observations import ClientFractionObservations

# %% [markdown]
# ### A3: local work, and data that differ between clients
#
# These functions return curves instead of a table: a `dict` from the name of each variant to a list with
# the test accuracy (percent) after each of the `nr_rounds` rounds, in the order in which the variants are
# named. The cell after each function keeps the curves in a variable, draws them, and prints them as numbers.

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
local_epoch_curves = local_epoch_experiments()
draw_curves(local_epoch_curves)

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
iid_noniid_curves = iid_noniid_experiments()
draw_curves(iid_noniid_curves)

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
noniid_parameter_curves = noniid_parameter_experiments()
draw_curves(noniid_parameter_curves)

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
# The lab's own scripts are in `lab_1_parallelism/examples`, each with the shell script that starts its ranks:
#
# | | |
# |---|---|
# | `primer.py` | trains in one process |
# | `data_parallel_gradients.py` | three replicas, the mean of their gradients |
# | `data_parallel_weights.py` | three replicas, the mean of their weights |
# | `pipeline.py` | three stages, one batch at a time |
#
# B1 is `pipeline.py` with micro-batches, and B2 adds what `data_parallel_gradients.py` does. To see one run
# for 20 steps, type in the homework's folder `LAB_STEPS=20 sh lab_1_parallelism/examples/pipeline.sh`.
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
# - **Use `isend` and `irecv`**, the non-blocking forms of `send` and `recv` in `torch.distributed`. Plain
#   `send` can end in a deadlock: if rank 1 sends activations to rank 2 at the moment in which rank 2 sends
#   gradients to rank 1, each waits for the other to receive, forever.
# - Each call of `isend` and `irecv` returns a `Work` at once. Its `wait()` blocks, if needed, until the message
#   is through: before that, what you receive is not there yet, and what you send must not be overwritten.
# - Messages between two devices arrive in the order in which they were sent. With a *tag*, a receive takes only
#   a message with the same tag: good practice, but not required.
# - Gradients accumulate over calls of `backward()` until they are set to zero, and scaling the loss by a
#   constant scales the gradients by the same constant. Mind what a *mean* over the batch becomes when the
#   batch comes in pieces: Adam hardly notices a wrong scale in the loss curve, but your gradients are compared.
# - `gloo` is not properly asynchronous, even with these primitives. So do not expect the speed-up that a backend
#   such as `nccl` would give you. What counts is the schedule.
#
# PyTorch's site has the [documentation of
# `torch.distributed`](https://docs.pytorch.org/docs/stable/distributed.html) and [a tutorial on
# it](https://docs.pytorch.org/tutorials/intermediate/dist_tuto.html).
#
# **Explain** in comments, or in a text file beside the scripts, how your schedule works, why the gradients
# come out right and why it cannot deadlock. A person reads this. And try it out in the setting from the course,
# for the same number of steps and with the same model.

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
# - *Groups* of `torch.distributed` handle collectives among some of the ranks. `dist.new_group(ranks)` makes
#   one. *All* ranks must call it for *every* group, in the same order, even for the groups that they do not
#   belong to.
# - Both copies of a stage must start from the same weights.
#
# Hand in `b2.py` and `b2.sh`, and explain and try it out as in B1.

# %% [markdown]
# ### Run it, look at it, hand it in
#
# The launcher runs your script for eight steps, watches every rank, and tells you how it ended:
#
# ```
# cd part_b
# python -m launch b1.sh
# python -m launch b2.sh
# ```
#
# A run *finished*, *crashed* (with the first rank that failed, and its traceback), is *deadlocked* (with
# who waits for whom, in which line), is *too slow*, or made the *wrong number of steps*. In
# `launch-output/b1/picture.svg` you find your pipeline: a row for each rank, a box for each forward and
# backward pass, and your bubble next to the ideal one. Open it in a browser and compare it with the
# staircase above. *Finished* is not yet *right*: with `--compare` the launcher also trains the same stages in
# one process, and says from which step and on which ranks the gradients differ.
#
# **What is graded.** Your scripts run on a CPU without a network, whatever device they name, for a few
# steps:
#
# | Points for | B1 | B2 |
# |---|---:|---:|
# | all ranks start, take every step that was asked for and end, without a deadlock | 1 | 0.5 |
# | the shell script starts all ranks and waits for them | 0.5 | 0.25 |
# | there are 3 (B2: 6) ranks, with the depth, width and batch given above | 0.5 | 0.25 |
# | micro-batches are really used: a stage sends one on before it has received the next | 1 | 0.25 |
# | messages do not hold up the computation: the calls are non-blocking | 0.5 | 0.25 |
# | the two pipelines see different data | | 0.5 |
# | gradients are reduced within each stage's group, and nothing outside of it | | 0.5 |
# | the two copies of a stage stay equal | | 0.5 |
# | the gradients on every rank, at every step, are those of a single process | 2 | 0.75 |
# | the parameters are what the optimizer makes of these gradients, and nothing else | 0.5 | 0.25 |
# | the explanation; a person reads it | 1 | 1 |
# | **Together** | **7** | **5** |
#
# All of it needs one thing: stages work on what they were sent. Ranks that compute everything by themselves
# earn nothing.
#
# **Hand in** through ILIAS: this notebook, saved, and an archive (`.zip` or `.tar.gz`) with `b1.py`, `b1.sh`,
# `b2.py`, `b2.sh` and, if you like, a text file with your explanation. `grader pack`, typed in this notebook's
# folder, makes one archive of all of it, and says what is still missing. Good luck!
