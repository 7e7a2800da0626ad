"""`python -m launcher`: the patched emulator, configured by the same environment variables as MiniStack."""

import importlib.metadata
import sys

PATCHED_VERSION = "1.5.33"


def require_patched_version() -> None:
    """Exits on another version: the patches replace functions inside MiniStack and may not fit it."""
    found = importlib.metadata.version("ministack")
    if found != PATCHED_VERSION:
        sys.exit(
            f"this launcher patches MiniStack {PATCHED_VERSION}, but {found} is installed: "
            "read its changes, check every patch against them, then change PATCHED_VERSION "
            "and requirements.txt"
        )


def main() -> None:
    require_patched_version()
    from ministack import app

    from . import (
        api_calls,
        asynchronous_invoke,
        authorisation,
        cloudformation,
        control,
        custom_resources,
        endpoints,
        message_move,
        rate_limits,
        resource_arns,
        resource_policies,
        rotation,
        rule_states,
        runtime_speed,
        secret_metadata,
        secrets_manager,
        service_roles,
        web_identity,
    )

    for part in (
        secrets_manager,
        secret_metadata,
        rotation,
        # It wraps what the parts before have installed.
        api_calls,
        authorisation,
        asynchronous_invoke,
        endpoints,
        message_move,
        resource_arns,
        resource_policies,
        # It wraps what asynchronous_invoke and resource_policies have installed.
        service_roles,
        # It sends through what the part before has installed.
        rule_states,
        cloudformation,
        custom_resources,
        runtime_speed,
        web_identity,
        # It wraps what the other parts have installed: a refused call reaches none of them.
        rate_limits,
        control,
    ):
        part.install()
    app.main()


if __name__ == "__main__":
    main()
