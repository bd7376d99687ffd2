"""A real SLURM of two nodes on this machine, with GPUs that are none, for as long as it is used."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from string import Template

import psutil

HERE = Path(__file__).parent
ETC = Path("/etc/slurm")
NODES = ("n1", "n2")
PACKAGES = ("slurm-wlm", "munge")
PROBE = """#!/bin/sh
seen=${{CUDA_VISIBLE_DEVICES-none}}
echo "{word} $SLURM_JOB_ID $SLURMD_NODENAME $seen $(date +%s.%N)" >> {file}
"""


class Unavailable(Exception):
    """Why there can be no SLURM on this machine."""


class Cluster:
    """Two nodes, n1 and n2, and what their jobs saw.

    Use it as a context: whatever happens inside, no process and no link stays behind.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen] = {}
        self.links: list[Path] = []

    def __enter__(self) -> "Cluster":
        install()
        self._write()
        try:
            self._link()
            self._start("slurmctld", "slurmctld", "-D", "-c")
            for node in NODES:
                self.start(node)
            self.wait_for(lambda: self.idle() == list(NODES), "both nodes to be idle")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error) -> None:
        try:
            for daemon in reversed(list(self.daemons)):
                self._kill(daemon)
        finally:
            for link in self.links:
                link.unlink(missing_ok=True)

    def start(self, node: str) -> None:
        """Start a node, for the first time or after it was stopped."""
        self._start(node, "slurmd", "-D", "-N", node)

    def stop(self, node: str) -> None:
        """Stop a node as when its power fails: its daemon, its jobs and all they started."""
        self._kill(node)
        say("scontrol", "update", f"nodename={node}", "state=down", "reason=stopped")

    def idle(self) -> list[str]:
        """Names of the nodes that have nothing to do."""
        return sorted(set(say("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split()))

    def tasks(self) -> list[dict]:
        """What was run where: job, node, what it saw as its devices, when it began and ended."""
        tasks, file = {}, self.folder / "tasks"
        for line in file.read_text().splitlines() if file.exists() else []:
            word, job, node, devices, moment = line.split()
            task = tasks.setdefault((job, node), {"job": job, "node": node, "devices": devices})
            # A job has several tasks, one within the other: the first to begin, the last to end.
            task[word] = task.get(word, float(moment)) if word == "began" else float(moment)
        return list(tasks.values())

    def wait_for(self, happened, what: str, seconds: float = 30) -> None:
        """Wait until something is so; if it never is, say what SLURM wrote to its logs."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                logs = [f"{p.name}:\n{p.read_text()[-2000:]}" for p in self.folder.glob("*.log")]
                raise TimeoutError(f"waited {seconds} s for {what}\n" + "\n".join(logs))
            time.sleep(0.1)

    def _write(self) -> None:
        (self.folder / "state").mkdir(parents=True)
        (self.folder / "owner").write_text(str(os.getpid()))
        for number in range(2):
            os.mknod(self.folder / f"nvidia{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        ports = free_ports(1 + len(NODES))
        values = {"controller_port": ports[0], "host": socket.gethostname()}
        values |= {f"{node}_port": port for node, port in zip(NODES, ports[1:], strict=True)}
        values |= {"folder": self.folder, "cgroups": "cgroup/v1"}
        if version() >= (23, 11):
            values["cgroups"] = "disabled"
        for path in (HERE / "conf").glob("*.conf"):
            (self.folder / path.name).write_text(Template(path.read_text()).substitute(values))
        for word in ("began", "ended"):
            probe = self.folder / word
            probe.write_text(PROBE.format(word=word, file=self.folder / "tasks"))
            probe.chmod(0o755)

    def _link(self) -> None:
        """Put the settings where jobs look for them, whatever their environment says."""
        ETC.mkdir(exist_ok=True)
        for path in sorted(self.folder.glob("*.conf")):
            link = ETC / path.name
            if is_left_over(link):
                link.unlink()
            if link.exists():
                raise Unavailable(f"{link} is there: this machine has a SLURM of its own")
            link.symlink_to(path)
            self.links.append(link)

    def _start(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.out", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                [sys.executable, HERE / "node.py", *command],
                **{"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL},
                start_new_session=True,
            )

    def _kill(self, name: str) -> None:
        """End a daemon and all that it started, as `node.py` does when it is told."""
        keeper = self.daemons.pop(name)
        keeper.terminate()
        keeper.wait(timeout=30)


def is_left_over(link: Path) -> bool:
    """Whether a link is that of a test which was killed before it could tidy up."""
    owner = link.resolve().parent / "owner"
    if not link.exists():
        return link.is_symlink()
    return owner.exists() and not psutil.pid_exists(int(owner.read_text()))


def install() -> None:
    """See to it that SLURM is installed.

    Raises
    ------
    Unavailable
        If it is not, and cannot be.
    """
    if shutil.which("slurmctld") and shutil.which("slurmd"):
        if os.geteuid() != 0:
            raise Unavailable("the test starts SLURM's daemons, for which it must be root")
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable(
            f"no SLURM here, and no way to install it (apt-get install {PACKAGES[0]})"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES]
    for before in ([], ["apt-get", "update", "-q"]):
        if before:
            subprocess.run(before, env=environment, capture_output=True, check=False)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    raise Unavailable(f"SLURM cannot be installed: {done.stderr.strip().splitlines()[-1:]}")


def version() -> tuple[int, ...]:
    """Year and month of the SLURM that is installed."""
    return tuple(int(part) for part in say("slurmd", "-V").split()[-1].split(".")[:2])


def say(*command: str) -> str:
    """Ask one of SLURM's commands; no answer is an empty one."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def free_ports(number: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
