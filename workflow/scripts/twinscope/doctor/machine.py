"""The machine: processors, memory, graphics, Python and torch."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from .findings import FAIL, OK, WARN, Finding, amount

BYTES = 4
# What Python, torch and a few batches take beside the weights of a network.
BESIDE = 1_500_000_000
# From here on a network wants a GPU: thousands of images take a CPU hours.
HEAVY = 100_000_000


@dataclass(frozen=True)
class Machine:
    """What there is to compute with.

    Attributes
    ----------
    python, torch : str
        Versions; torch is empty if it is not installed.
    build : str
        What torch was built for: "CUDA 12.8", "CPU".
    processors : int
        That this process may use.
    memory, free : int
        Bytes of RAM; free is 0 where nobody tells.
    graphics : list of (str, int, int)
        Name, bytes and free bytes of each GPU that torch sees; 0 where nobody tells.
    driver : bool
        Whether there is a driver of NVIDIA's, whatever torch sees.
    """

    python: str
    torch: str
    build: str
    processors: int
    memory: int
    free: int
    graphics: list[tuple[str, int, int]] = field(default_factory=list)
    driver: bool = False


def look() -> Machine:
    """Look at the machine that this runs on."""
    build, graphics = "CPU", []
    try:
        torch = version("torch")
        build, graphics = _graphics()
    except (PackageNotFoundError, ImportError):
        torch = ""
    memory, free = _memory()
    return Machine(
        **{"python": platform.python_version(), "torch": torch, "build": build},
        **{"processors": _processors(), "memory": memory, "free": free},
        **{"graphics": graphics, "driver": shutil.which("nvidia-smi") is not None},
    )


def check(machine: Machine, networks: dict[str, int]) -> Iterator[Finding]:
    """Hold a machine against what the networks of a study need.

    Parameters
    ----------
    machine : Machine
        As from `look`.
    networks : dict of str to int
        Parameters of each network.
    """
    yield _software(machine)
    yield Finding("machine", "CPUs", OK, f"{machine.processors} that may be used here")
    largest = max(networks, key=networks.get, default="")
    yield _ram(machine, largest, BYTES * networks.get(largest, 0))
    heavy = [name for name, number in networks.items() if number > HEAVY]
    yield _gpu(machine, heavy, largest, BYTES * networks.get(largest, 0))


def _software(machine: Machine) -> Finding:
    if not machine.torch:
        found = f"Python {machine.python}, and torch is not installed or does not load"
        return Finding("machine", "Python, torch", FAIL, found, "make study, or install .[torch]")
    found = f"Python {machine.python}, torch {machine.torch} built for {machine.build}"
    return Finding("machine", "Python, torch", OK, found)


def _ram(machine: Machine, largest: str, weights: int) -> Finding:
    free = f", {amount(machine.free)} free" if machine.free else ""
    found = f"{amount(machine.memory)}{free}"
    # A file of weights is read beside the network that it fills.
    needed = 2 * weights + BESIDE
    if machine.memory < weights:
        found += f"; the weights of {largest} alone are {amount(weights)}"
        return Finding("machine", "RAM", FAIL, found, "a larger machine, or a smaller network")
    if needed > (machine.free or machine.memory):
        found += f"; loading {largest} takes about {amount(needed)}"
        todo = "end other programs, or run with fewer --cores: each job needs its own"
        return Finding("machine", "RAM", WARN, found, todo)
    return Finding("machine", "RAM", OK, found)


def _gpu(machine: Machine, heavy: list[str], largest: str, weights: int) -> Finding:
    if machine.graphics:
        return _seen(machine.graphics, largest, weights)
    if machine.driver:
        found = f"none that torch sees, although nvidia-smi is there (torch for {machine.build})"
        todo = "a torch built for the CUDA of the driver (see pytorch.org), or the CPU it is"
        return Finding("machine", "GPU", WARN, found, todo)
    if heavy:
        names = f"{len(heavy)} networks of over {HEAVY // 1_000_000} million parameters"
        found = f"none, and {heavy[0] if len(heavy) == 1 else names} would run on the CPU"
        todo = "a machine with a GPU: here some thousand images take hours for each network"
        return Finding("machine", "GPU", WARN, found, todo)
    return Finding("machine", "GPU", OK, "none: networks run on the CPU")


def _seen(graphics: list[tuple[str, int, int]], largest: str, weights: int) -> Finding:
    parts = [
        f"{name} ({amount(total)}, {amount(free)} free)" if total else name
        for name, total, free in graphics
    ]
    found, smallest = ", ".join(parts), min(free for _, _, free in graphics)
    if smallest and weights + BESIDE > smallest:
        found += f"; {largest} takes {amount(weights)} and its images"
        return Finding("machine", "GPU", WARN, found, "a GPU with more free memory")
    return Finding("machine", "GPU", OK, found)


def _graphics() -> tuple[str, list[tuple[str, int, int]]]:
    import torch

    cuda = torch.version.cuda or getattr(torch.version, "hip", None)
    build, graphics = f"CUDA {cuda}" if cuda else "CPU", []
    if torch.backends.mps.is_available():
        total = torch.mps.recommended_max_memory()
        graphics = [("Apple GPU (MPS)", total, total)]
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(number)
        graphics.append((torch.cuda.get_device_name(number), total, free))
    return build, graphics


def _processors() -> int:
    # On a cluster a job may not use all that the node has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> tuple[int, int]:
    """Bytes of RAM, and how many are free; 0 where the system does not say."""
    page = os.sysconf("SC_PAGE_SIZE")
    free = 0
    try:
        import psutil

        free = psutil.virtual_memory().available
    except ImportError:
        if "SC_AVPHYS_PAGES" in os.sysconf_names:
            free = page * os.sysconf("SC_AVPHYS_PAGES")
    return page * os.sysconf("SC_PHYS_PAGES"), free
