"""The testbed's own endpoints under `/_testbed/`, on the loopback address of the emulated services.

| call | effect |
|---|---|
| GET  /_testbed/ready | answers if the patches are installed |
| GET  /_testbed/rotation?secret=ARN[&version=ID][&wait_ms=N] | waits for and returns the last rotation |
| POST /_testbed/rotation {"secret"?: ARN, option: value...} | changes options, for one secret or all |
| POST /_testbed/rotation/resume {"secret": ARN, "token": "same" or "new"} | starts one more attempt |
| POST /_testbed/rotation/step {"secret": ARN, "version": ID, "step": name} | invokes one step, e.g. late |
| POST /_testbed/broker, /_testbed/cluster | creates or changes an endpoint |
| POST /_testbed/cluster/issuer {"name": cluster, "issuer": URL, "keys": JWKS} | sets the OIDC issuer |
| GET  /_testbed/asynchronous?function=NAME[&wait_ms=N] | waits for events, counts those not ended |
| GET  /_testbed/quiet?function=NAME&queues=URL,URL&wait_ms=N | waits until none has work left |
| GET  /_testbed/rotations?prefix=ARN | counts the outcomes of the last rotations of these secrets |
| POST /_testbed/limits {"factor": N or null} | switches the request quotas on or off, starts the counts |
| GET  /_testbed/limits | returns the calls of each operation, served and refused |
| POST /_testbed/schedule {"group": name, "name": name} | runs a schedule of EventBridge Scheduler now |
| GET  /_testbed/access-entry?cluster=NAME&principal=ARN | returns the access entry, or null |

If the variable TESTBED_CONTROL is `off`, only `ready` answers. `cargo xtask conformance` starts the emulator
so, because a real account has no such endpoints.
"""

import asyncio
import contextvars
import dataclasses
import json
import os
from urllib.parse import parse_qs

from ministack import app
from ministack.services import secretsmanager as sm

from . import (
    access_entries,
    asynchronous_invoke,
    endpoints,
    quiet,
    rate_limits,
    rotation,
    rotation_options,
    rotation_record,
    service_roles,
    web_identity,
)
from .common import scope_of
from .rotation_steps import invoke

PREFIX = "/_testbed/"
READY = "GET ready"


def install() -> None:
    emulator, reset = app.app, app._reset_all_state

    async def with_control(scope, receive, send):
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await _answer(scope, receive, send)
        else:
            await emulator(scope, receive, send)

    def reset_with_rotations() -> None:
        reset()
        rotation_record.forget()
        rate_limits.change({})

    app.app, app._reset_all_state = with_control, reset_with_rotations


async def _answer(scope, receive, send) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    call = f"{scope['method']} {scope['path'].removeprefix(PREFIX)}"
    calls = {READY: CALLS[READY]} if os.environ.get("TESTBED_CONTROL") == "off" else CALLS
    query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
    try:
        handler = calls[call]
        arguments = {**query, **(json.loads(body) if body else {})}
        # The handler has its own context because it sets account and region. It may wait.
        context = contextvars.copy_context()
        status, answer = 200, await asyncio.to_thread(context.run, handler, arguments)
    except KeyError as error:
        status, answer = 400, {"message": f"unknown call or missing argument: {error}"}
    except (ValueError, TypeError) as error:
        status, answer = 400, {"message": str(error)}
    text = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _status(arguments: dict) -> dict:
    limit = int(arguments.get("wait_ms", 0)) / 1000
    found = rotation_record.wait_for_the_end(arguments["secret"], arguments.get("version"), limit)
    return {"rotation": found.as_json() if found else None}


def _options(arguments: dict) -> dict:
    secret_arn = arguments.pop("secret", None)
    return dataclasses.asdict(rotation_options.change(arguments, secret_arn))


def _resume(arguments: dict) -> dict:
    if arguments["token"] not in ("same", "new"):
        raise ValueError("token must be same or new")
    with scope_of(arguments["secret"]):
        return rotation.resume(arguments["secret"], arguments["token"] == "new").as_json()


def _step(arguments: dict) -> dict:
    if arguments["step"] not in rotation_options.STEPS:
        raise ValueError(f"step must be one of {', '.join(rotation_options.STEPS)}")
    with scope_of(arguments["secret"]):
        _, secret = sm._resolve(arguments["secret"])
        if not secret or not secret.get("RotationLambdaARN"):
            raise ValueError("that secret has no rotation function")
        step = rotation_record.Step(arguments["step"], kind="late")
        invoke(secret, arguments["version"], step)
        return step.as_json()


CALLS = {
    READY: lambda _arguments: {"ready": True},
    "GET rotation": _status,
    "GET rotations": lambda arguments: rotation_record.outcomes(arguments["prefix"]),
    "POST rotation": _options,
    "POST rotation/resume": _resume,
    "POST rotation/step": _step,
    "POST broker": endpoints.put_broker,
    "POST cluster": endpoints.put_cluster,
    "POST cluster/issuer": web_identity.put_issuer,
    "GET asynchronous": asynchronous_invoke.under_way,
    "GET quiet": quiet.wait,
    "POST limits": rate_limits.change,
    "GET limits": rate_limits.read,
    "POST schedule": service_roles.run_schedule,
    "GET access-entry": access_entries.find,
}
