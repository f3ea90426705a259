def round(value):
    return int(value)
