"""Python imports this file when it starts, because the launcher put its folder on PYTHONPATH."""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def watch() -> None:
    """Load the folder above as the package `launch_worker` and let it install itself."""
    package = HERE.parent
    spec = importlib.util.spec_from_file_location(
        "launch_worker", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["launch_worker"] = module
    spec.loader.exec_module(module)
    importlib.import_module("launch_worker.installation").install()


def defer_to_environment() -> None:
    """Run the `sitecustomize` that this file hides: environments and distributions bring their own."""
    elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if "LAUNCH_CONTROL" in os.environ:
    watch()
defer_to_environment()
