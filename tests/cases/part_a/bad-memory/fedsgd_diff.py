chunks = []
while len(chunks) < 300:
    chunks.append(bytearray(b"x") * (16 << 20))


fed_sgd_grad_unequal_weight_bs: int = 50
fed_sgd_grad_unequal_weight_e: int = 3
