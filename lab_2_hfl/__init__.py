"""Class material for part A: horizontal federated learning on small images.

`from lab_2_hfl.hfl_complete import *` gives a notebook everything at once; the modules beside it say how each piece works.
"""
