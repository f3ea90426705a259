def as_row(result):
    return [result.algorithm, result.n, result.c, result.message_count[-1], result.test_accuracy[-1]]
