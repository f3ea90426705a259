%%time
sizes = []


def largest():
    return max(sizes)
