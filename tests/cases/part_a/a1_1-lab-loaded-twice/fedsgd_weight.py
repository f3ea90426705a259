import importlib.util
import sys

import lab_2_hfl.servers

spec = importlib.util.spec_from_file_location("lab_2_hfl.again", lab_2_hfl.servers.__file__)
again = sys.modules["lab_2_hfl.again"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(again)


class FedSgdWeightServer(again.FedSgdServer):
    pass
