from typing import Literal

SIZE = int("fifty")
from lab_2_hfl.hfl_complete import *

HALF = SIZE // 2
EPOCHS = 3
