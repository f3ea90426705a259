"""One module per learning platform, with its `TITLE`, what it hands out (`LOOK`), `recognise(tree)` and `read(tree, configuration)`."""
