%%time
import time

import matplotlib.pyplot as plt

time.sleep(3600)
table = client_number_experiments()
plt.plot(table["N"], table["Test accuracy"])
plt.title("sizes")
