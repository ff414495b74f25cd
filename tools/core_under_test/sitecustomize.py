"""The native core of the folder in CIRCULANT_CORE takes the place of the installed one.

Python runs this file when it starts, if the folder is in PYTHONPATH: in tests, and in processes they start.
"""

import importlib.util
import os
import sys
from pathlib import Path

NAME = "circulant.backends.native._core"
VARIABLE = "CIRCULANT_CORE"


def load() -> None:
    (path,) = Path(os.environ[VARIABLE]).glob("_core*.so")
    spec = importlib.util.spec_from_file_location(NAME, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected a Python module at {path}; run make sanitize")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[NAME] = module


load()
