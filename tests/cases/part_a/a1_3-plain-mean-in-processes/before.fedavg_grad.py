from concurrent.futures import ProcessPoolExecutor


def ask(job):
    client, params, seed = job
    return client.update(params, seed)
