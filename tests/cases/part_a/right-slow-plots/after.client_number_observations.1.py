%matplotlib inline
import time

import matplotlib.pyplot as plt

time.sleep(3600)
long_table = client_number_experiments(nr_rounds=1000)
plt.plot(long_table["N"], long_table["Test accuracy"])
