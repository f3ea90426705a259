# %% tags=["setup"]
from typing import Literal

from lab_2_hfl.hfl_complete import *

# %% tags=["parameters", "hide-input"]
SIZES = [100, 300, 599]

# %% tags=["helpers"]
def largest():
    return SIZES[-1]


# %% tags=["plots"]
import time

time.sleep(3600)
rows = [largest() for _ in range(3)]

# %% tags=["fedsgd_diff", "hide-output"]
def pick():
    rows = [largest()]
    return rows[0]


fed_sgd_grad_unequal_weight_bs = pick()
fed_sgd_grad_unequal_weight_e = 2

# %% [markdown] tags=["fedsgd_explanation"]
# More than one step a round.
