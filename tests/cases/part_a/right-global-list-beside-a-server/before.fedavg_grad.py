round_log = []  # what I looked at while debugging


def log(nr_round, accuracy):
    round_log.append((nr_round, accuracy))
