"""The hidden checks are no installed package: they are found beside the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # for `private_tests` and `public_tests`
