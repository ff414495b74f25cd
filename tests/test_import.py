"""What `import circulant` costs and what it leaves alone."""

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "scipy", "jinja2", "typer", "rich", "pandas", "PIL", "ray", "sklearn", "triton")
EVERYTHING = "import circulant, circulant.functional, circulant.nn, circulant.catalogue"


def output(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return result.stdout


def test_import_needs_none_of_the_optional_packages():
    code = (
        f"import torch, sys; sys.modules.update(dict.fromkeys({HEAVY}))\n"  # an import of them fails
        f"{EVERYTHING}\n"
        "print(circulant.__version__)"
    )
    assert output(code).strip()


LOADED = "print(*sorted(name for name in sys.modules if name.startswith('circulant.')))"


@pytest.mark.parametrize("names", ["circulant", "circulant, circulant.nn"])
def test_import_loads_nothing_before_it_is_asked_for(names):
    assert set(output(f"import sys, {names}\n{LOADED}").split()) <= {"circulant.nn"}


def test_an_operator_loads_no_other_room():
    loaded = output(f"import sys; from circulant.nn import SGConv\n{LOADED}").split()
    rooms = {name.split(".")[2] for name in loaded if name.startswith("circulant.operators.")}
    assert "circulant.operators.sequence.sg_conv" in loaded
    assert rooms == {"sequence"}


def test_every_name_of_nn_leads_to_its_object():
    import circulant.nn as nn

    assert set(nn.__all__) <= set(dir(nn))
    assert all(getattr(nn, name).__name__ == name for name in nn.__all__)
    with pytest.raises(AttributeError, match="NoSuchConv"):
        _ = nn.NoSuchConv


def test_import_reads_no_environment_and_starts_no_threads():
    code = (
        "import os, threading, torch\n"
        "threads = threading.active_count(), torch.get_num_threads()\n"
        "read = []\n"
        "class Watched(dict):\n"
        "    def get(self, key, default=None): read.append(key); return super().get(key, default)\n"
        "    def __getitem__(self, key): read.append(key); return super().__getitem__(key)\n"
        "os.environ = Watched(os.environ)\n"
        f"{EVERYTHING}\n"
        "assert (threading.active_count(), torch.get_num_threads()) == threads\n"
        "print(*[name for name in read if name.startswith('CIRCULANT')])"
    )
    assert output(code).split() == []


def test_the_lazy_doors_lead_to_the_modules():
    code = (
        "import circulant\n"
        "from circulant import functional, nn\n"
        "assert circulant.functional is functional and circulant.nn is nn\n"
        "assert circulant.plan is functional.plan\n"
        "assert {'functional', 'nn', 'plan'} <= set(dir(circulant))\n"
        "print('done')"
    )
    assert output(code).strip() == "done"
