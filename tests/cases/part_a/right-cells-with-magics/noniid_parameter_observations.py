%matplotlib inline
import matplotlib.pyplot as plt

plt.plot([1, 2, 3])
plt.show()

class NonIidParameterObservations:
    q1: Literal["worse", "better", "similar"] = "better"
    q2: bool = False


display(NonIidParameterObservations.q1)
NonIidParameterObservations.q2?
