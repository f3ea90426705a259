import torch.multiprocessing as tmp
from joblib import Parallel, delayed


def ask(job):
    client, params, seed = job
    return client.update(params, seed)
