sum = 0
for value in range(10):
    sum += value
raise RuntimeError("a cell to play with")
