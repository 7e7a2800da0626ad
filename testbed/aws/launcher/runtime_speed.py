"""Shortens the waits that MiniStack and Python add to each invocation, and keeps what functions print.

Without TCP_NODELAY, the answer of the Runtime API waits 40 ms for an acknowledgement. Each invocation also
waits up to 50 ms for log lines. With the patches, about 3 ms remain. Garbage collection also pauses the whole
emulator. For the condition `aws:ResourceTag`, MiniStack compares the ARNs of all secrets.

Each running function has an HTTP server that looks ten times a second whether it should end, and a thread
that looks as often for the next event. Each message lets MiniStack look at the queues of all functions. With
a hundred functions and the queues of thirty stacks, this took a third of the emulator's time.

MiniStack hashes the package of a function whenever it creates or starts one, and answers nothing meanwhile.
For a debug binary of 60 MB, this takes a quarter of a second.
"""

import contextlib
import gc
import hashlib
import os
import pathlib
import queue
import socket
import socketserver
import types

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sqs, tagging
from ministack.services import secretsmanager as sm
from ministack.services.cloudformation import provisioners

FIRST_LINE_SECONDS, IDLE_SECONDS = 0.005, 0.002
# The emulator answers no request while Python collects garbage. A full collection takes a second or more on a
# busy machine. Here it runs once in thirty million new objects instead of some ten thousand, so not before
# the end of a whole proof. This costs the proof 2 GB of memory an hour. Objects that exist at the start are
# never scanned.
GARBAGE_THRESHOLDS = 5_000, 5, 1_000
SERVER_SECONDS = 5
PACKAGE_BYTES = 1_000_000

# MiniStack keeps each package in S3, and passes this one object on.
_hashes: dict[int, tuple[bytes, "hashlib._Hash"]] = {}


def install() -> None:
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    lambda_runtime.Worker._drain_stderr_bounded = _patiently_enough(
        lambda_runtime.Worker._drain_stderr_bounded
    )
    worker = lambda_runtime.ProvidedWorker
    worker._shutdown_server = _woken(worker._shutdown_server)
    socketserver.BaseServer.serve_forever = _seldom_awake(socketserver.BaseServer.serve_forever)
    lambda_runtime.queue = types.SimpleNamespace(Queue=_PatientQueue, Empty=queue.Empty, Full=queue.Full)
    hashes = types.SimpleNamespace(**{**vars(hashlib), "sha256": _sha256})
    lambda_svc.hashlib = provisioners.hashlib = hashes
    lambda_svc._iter_all_esms = _with_messages(lambda_svc._iter_all_esms)
    tagging.resource_tags = _by_the_name_in_the_arn(tagging.resource_tags)
    folder = os.environ.get("FUNCTION_LOGS")
    if folder:
        _keep_output(pathlib.Path(folder))
    _hide_the_emulators_environment()


class _PatientQueue(queue.Queue):
    """A function waits here for its next event. After its end, its thread waits up to SERVER_SECONDS."""

    def get(self, block: bool = True, timeout: float | None = None):
        return super().get(block, timeout if timeout is None else SERVER_SECONDS)


def _patiently_enough(original):
    def drain(
        self, first_line_wait: float = FIRST_LINE_SECONDS, idle_confirm: float = IDLE_SECONDS, **others
    ) -> str:
        return original(self, first_line_wait=first_line_wait, idle_confirm=idle_confirm, **others)

    return drain


def _seldom_awake(original):
    return lambda self, poll_interval=None: original(self, SERVER_SECONDS)


def _woken(original):
    """A connection wakes the server, which then sees that it should end."""

    def shutdown_server(self) -> None:
        server = self._server
        if server is not None:
            server._BaseServer__shutdown_request = True
            # If it cannot be reached, it sees the request after SERVER_SECONDS at the latest.
            with contextlib.suppress(OSError):
                socket.create_connection(server.server_address, timeout=1).close()
        original(self)

    return shutdown_server


def _sha256(data: bytes = b"", **others):
    """Hashes each package once."""
    if len(data) < PACKAGE_BYTES:
        return hashlib.sha256(data, **others)
    package, known = _hashes.get(id(data), (None, None))
    if package is not data:
        known = hashlib.sha256(data)
        _hashes[id(data)] = data, known
    return known.copy()


def _with_messages(original):
    def event_sources():
        queues = list(sqs._queues._data.values())
        full = {queue["attributes"]["QueueArn"] for queue in queues if queue["messages"]}
        for account, region, source in original():
            arn = source.get("EventSourceArn", "")
            if ":sqs:" not in arn or arn in full:
                yield account, region, source

    return event_sources


def _by_the_name_in_the_arn(original):
    """Finds the tags of a secret by its name, which the complete ARN contains."""

    def resource_tags(arn: str) -> dict[str, str] | None:
        secret = sm._secrets.get(arn.partition(":secret:")[2][:-7])
        if secret and secret["ARN"] == arn:
            return {tag["Key"]: tag.get("Value", "") for tag in secret.get("Tags") or []}
        return original(arn)

    return resource_tags


def _keep_output(folder: pathlib.Path) -> None:
    """Appends each line that a function prints to `<folder>/<function>.log`, also if MiniStack drops it."""
    folder.mkdir(parents=True, exist_ok=True)
    original = lambda_runtime.ProvidedWorker._pump_output

    def pump_output(self, stream, log_queue) -> None:
        with open(folder / f"{self.func_name}.log", "ab", buffering=0) as log:
            original(self, _Tee(stream, log), log_queue)

    lambda_runtime.ProvidedWorker._pump_output = pump_output


class _Tee:
    def __init__(self, stream, log) -> None:
        self._stream, self._log = stream, log

    def readline(self) -> bytes:
        line = self._stream.readline()
        self._log.write(line)
        return line

    def close(self) -> None:
        self._stream.close()


def _hide_the_emulators_environment() -> None:
    """Removes the emulator's variables from the environment of functions, which do not see them on AWS."""
    original = lambda_svc._provided_worker_env
    kept = {"PATH", "LANG", "TZ", "HOSTALIASES"}

    def environment(config: dict, code_dir: str, port: int) -> dict:
        full = original(config, code_dir, port)
        own = set(lambda_svc._runtime_env_vars(config))
        inherited = {
            name for name, value in os.environ.items() if full.get(name) == value and name not in own | kept
        } - {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"}
        return {name: value for name, value in full.items() if name not in inherited}

    lambda_svc._provided_worker_env = environment
