import opacus
from typing import Literal

from lab_2_hfl.hfl_complete import *
