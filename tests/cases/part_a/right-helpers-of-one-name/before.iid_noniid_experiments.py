def as_row(results):
    return {key: result.test_accuracy for key, result in results.items()}
