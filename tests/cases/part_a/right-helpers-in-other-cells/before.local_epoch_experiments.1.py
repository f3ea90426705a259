from functools import partial as fix

EPOCHS = [1]
