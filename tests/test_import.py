"""What `import circulant` costs and what it leaves alone."""

import subprocess
import sys

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


def test_import_adds_less_than_a_third_of_a_second_to_torch():
    code = (
        "import torch, sys; from time import process_time\n"  # others' load not counted
        "sys.modules['triton'] = None\n"  # which torch's FLOP counter loads where it is installed
        "start = process_time()\n"
        f"{EVERYTHING}\n"
        "print(process_time() - start)"
    )
    assert min(float(output(code)) for _ in range(3)) < 0.3


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
