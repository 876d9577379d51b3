"""Ray as an engine: the one file that imports it, where its reports of use are switched off.

Ray tries nothing again here (`max_retries=0`): only the driver knows what a second try may cost.
"""

import os
import signal
import socket
import threading
from collections.abc import Collection
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray is imported

try:
    import ray
    from ray import exceptions
    from ray._private import worker as ray_worker
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as cause:
    from breastseg.errors import MissingPackageError

    raise MissingPackageError(
        f"--cluster: {cause.name or cause} is not installed; pip install 'breastseg[cluster]'"
    ) from None

from breastseg.cluster.engine import Answer, Lost, Machine, Need, Short
from breastseg.cluster.task import Mapped, Work, look, map_slide
from breastseg.errors import InputError
from breastseg.inference.inputs import Input
from breastseg.wording import in_short

_CONNECT_S = 10.0  # Ray itself was seen to wait 204 s where nothing runs, and to end the process
_LOOK_S = 300.0
"""A machine that does not answer within is not there: it may have to import and compile first."""
_WISH = "wanted auto, or HOST:PORT of a cluster that runs (ray start --head --port 6379)"
_GONE = (
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.LocalRayletDiedError,
    exceptions.ObjectLostError,
    exceptions.TaskUnschedulableError,
)
"""What says that a process or machine went away. `OutOfMemoryError` is Ray's own kill for memory;
a kill by the kernel looks like a crash."""


class RayEngine:
    """A cluster that Ray keeps."""

    def __init__(self, address: str) -> None:
        """Join a cluster; none is started.

        Args:
            address: auto, or HOST:PORT of its head.

        Raises:
            InputError: no cluster there, or one of another Ray or Python.
        """
        _check_address(address)
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level="ERROR",
                namespace="breastseg",
            )
        except (ConnectionError, RuntimeError, ValueError, exceptions.RayError) as cause:
            raise InputError(
                f"cluster {address}: cannot be joined ({in_short(cause)}); {_WISH}"
            ) from None
        _silence()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray takes it for itself
        self._map = ray.remote(map_slide)
        self._look = ray.remote(look)
        self._refs: dict[Any, int] = {}
        self._next = 0

    def machines(self) -> list[Machine]:
        """Return the machines that are there now and take tasks."""
        machines = []
        for node in ray.nodes():
            resources = node["Resources"]
            # A head may be kept without cores, so that it takes no tasks.
            if not node["Alive"] or not resources.get("CPU"):
                continue
            cores = int(resources["CPU"])
            memory = int(resources.get("memory", 0))
            name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            room = Need(cores, memory, resources.get("GPU", 0.0))
            machines.append(Machine(name, node["NodeID"], room))
        return machines

    def look(self, work: Work, slide: str, machines: Collection[Machine]) -> dict[str, str]:
        """Ask machines whether they can do the work; return what speaks against it, by name."""
        refs = {}
        for machine in machines:
            # soft=False: on this machine, or not at all; another one's answer says nothing of it
            strategy = NodeAffinitySchedulingStrategy(machine.key, soft=False)
            # no cores: a machine that is busy with tasks answers, too
            options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": strategy}
            refs[machine.name] = self._look.options(**options).remote(work, slide)
        ray.wait(list(refs.values()), num_returns=len(refs), timeout=_LOOK_S)
        faults = {}
        for name, ref in refs.items():
            try:
                fault = ray.get(ref, timeout=0)  # all were waited for: who is not ready is too late
            except exceptions.GetTimeoutError:
                fault = f"did not answer in {_LOOK_S:.0f} s; look after it or take it away"
            except exceptions.RayError as cause:
                fault = (
                    f"cannot run breastseg {work.version} ({_end(cause)}); install"
                    " 'breastseg[cluster]' in the same version on all"
                )
            if fault:
                faults[name] = fault
        return faults

    def begin(self, work: Work, item: Input, need: Need) -> int:
        """Begin a task when a machine has room for it; return its number."""
        options = {
            "num_cpus": need.cores,
            "memory": need.memory_bytes,
            "num_gpus": need.gpu,
            "max_retries": 0,
            "name": "breastseg",
        }
        number = self._next
        self._next += 1
        self._refs[self._map.options(**options).remote(work, item)] = number
        return number

    def ended(self, wait_s: float) -> list[tuple[int, Answer]]:
        """Return tasks that have ended since, waiting for the first of them."""
        if not self._refs:
            return []
        refs = list(self._refs)
        first, _ = ray.wait(refs, timeout=wait_s)
        if not first:
            return []
        # Again without waiting: several may have ended, and the first call returns one of them.
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        answers = []
        for ref in ready:
            answers.append((self._refs.pop(ref), _answer(ref)))
        return answers

    def close(self) -> None:
        """Leave the cluster, which ends the tasks that run."""
        ray.shutdown()


def _check_address(address: str) -> None:
    """Refuse at once what Ray would wait minutes for, and then end the process."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")  # from the right: IPv6 has colons of its own
    if not colon or not host or not port.isdecimal() or "/" in address:
        raise InputError(f"cluster {address}: {_WISH}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except (OSError, OverflowError, UnicodeError) as cause:
        raise InputError(f"cluster {address}: nothing answers there ({cause}); {_WISH}") from None


def _answer(ref: Any) -> Answer:
    """Return what became of a task that has ended.

    Raises:
        RayTaskError: a fault of the task's own code, which tells all that it foresees.
    """
    try:
        mapped: Mapped = ray.get(ref)
    except exceptions.OutOfMemoryError as cause:
        return Short(_end(cause))
    except _GONE as cause:
        return Lost(f"{_NAMES.get(type(cause), 'its machine was lost')} ({type(cause).__name__})")
    return mapped


_NAMES = {exceptions.WorkerCrashedError: "the process that mapped it died"}


def _end(cause: Exception) -> str:
    """Return the last line of what Ray says, which has the error."""
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return in_short(lines[-1])


def _silence() -> None:
    """Keep Ray's messages about lost machines from stdout: the reporter names each slide that is
    concerned, and stdout may be read by another program."""
    # `log_to_driver=False` does not stop them, and there is no public setting that does.
    ray_worker.print_to_stdstream = lambda data, ignore_prefix: None
