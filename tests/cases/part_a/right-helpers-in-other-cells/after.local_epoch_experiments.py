def accuracies_of(result):
    return result.test_accuracy
