subsets = split(100, True, 10)
