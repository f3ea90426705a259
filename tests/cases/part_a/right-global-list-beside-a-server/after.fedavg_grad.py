# A quick look at what the clients get
clients = split(5, True, 10)
print([len(client) for client in clients])
