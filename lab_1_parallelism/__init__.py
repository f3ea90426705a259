"""Class material for part B: a small LLaMA in stages, its data, its loss, and the class's own examples.

Modules: `llama` (whole model and stages), `tokenizers`, `dataloaders`, `losses`; `examples/` holds the
scripts shown in class. Nothing is imported here, so that a worker pays only for what it uses.
"""
