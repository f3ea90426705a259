import types

copied = types.ModuleType("copied")
copied.__package__ = "lab_2_hfl"
exec(open(lab_2_hfl.servers.__file__).read(), vars(copied))


class FedAvgGradServer(copied.FedAvgServer):
    class PseudoGradClient(Client):
        pass
