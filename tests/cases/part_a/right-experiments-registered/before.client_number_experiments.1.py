REGISTRY = {}
def register(name):
    def add(make):
        REGISTRY[name] = make
        return make
    return add
