"""What a rank's process does in these tests; run as a script with `job` among its globals.

A script and not a module of functions, so that a fork server's child needs nothing of the tests on its path.
"""

import importlib
import os
import runpy
import sys
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

job: dict[str, Any] = globals()["job"]

log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.dup2(log, 1)
os.dup2(log, 2)
os.environ.update(job["environment"])
sys.argv = job["argv"]
torch.set_num_threads(1)  # tests share the machine; scripts that set it themselves still do

if job["record"]:
    steps: list[dict[str, list[torch.Tensor | None]]] = []

    def remember(optimizer: Optimizer, *_: Any) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        steps.append(
            {
                "gradients": [None if each.grad is None else each.grad.clone() for each in parameters],
                "parameters": [each.detach().clone() for each in parameters],
            }
        )

    register_optimizer_step_post_hook(remember)

if job["module"]:
    module = importlib.import_module(job["module"])
    vars(module).update(job["constants"])
    module.main()
else:
    runpy.run_path(sys.argv[0], run_name="__main__")

if job["record"]:
    torch.save(steps, job["record"])
