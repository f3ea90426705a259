"""Everything that the notebooks of part A use, in one import: `from lab_2_hfl.hfl_complete import *`."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import cast

import numpy as np
import numpy.random as npr
import torch
import torch.nn.functional as F
from pandas import DataFrame
from torch import nn
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms
from tqdm.auto import tqdm, trange

from .clients import Client, GradientClient, WeightClient
from .dataset import split, test_loader, train_dataset, transform
from .model import MnistCnn, device, train_epoch
from .results import ETA, RunResult
from .servers import (
    CentralizedServer,
    DecentralizedServer,
    FedAvgServer,
    FedSgdGradientServer,
    FedSgdServer,
    Server,
)

__all__ = [
    "ABC",
    "ETA",
    "SGD",
    "CentralizedServer",
    "Client",
    "DataFrame",
    "DataLoader",
    "DecentralizedServer",
    "F",
    "FedAvgServer",
    "FedSgdGradientServer",
    "FedSgdServer",
    "GradientClient",
    "MnistCnn",
    "Optimizer",
    "Path",
    "RunResult",
    "Server",
    "Subset",
    "WeightClient",
    "abstractmethod",
    "asdict",
    "cast",
    "dataclass",
    "datasets",
    "device",
    "field",
    "nn",
    "np",
    "npr",
    "perf_counter",
    "split",
    "test_loader",
    "torch",
    "tqdm",
    "train_dataset",
    "train_epoch",
    "trange",
    "transform",
    "transforms",
]
