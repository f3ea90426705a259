from typing import Literal

from lab_2_hfl.hfl_complete import *

torch.set_default_device("cuda")
device = torch.device("cuda:0")
assert torch.ones(2, device=device).cuda().pin_memory().to(device).sum() == 2
torch.cuda.manual_seed_all(10)
