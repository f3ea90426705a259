from lab_2_hfl.hfl_complete import *

print(split(10, True, 10))
