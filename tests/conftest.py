"""Settings of all the kit's own tests, made before the lab is imported anywhere."""

import os

# A small part of the embedded data: the same everywhere, with no download, here and in every process that a test starts.
os.environ["LAB_2_HFL_DATASET"] = "digits"
os.environ["LAB_2_HFL_TRAIN_SAMPLES"] = "600"
os.environ["LAB_2_HFL_TEST_SAMPLES"] = "100"
