"""Class material for part B: a small LLaMA in stages, its data, its loss, and the examples shown in class.

Modules: `llama` (whole model and stages), `tokenizers`, `dataloaders`, `losses`; `examples/` holds
these examples, which are scripts. Nothing is imported here, so that a worker pays only for what it uses.
"""
