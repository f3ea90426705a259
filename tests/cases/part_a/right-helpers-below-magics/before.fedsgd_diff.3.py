%%writefile my_epochs.py
EPOCHS = {"few": 1}
