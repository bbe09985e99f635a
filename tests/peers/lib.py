"""What the Python scripts of this folder share: reading options, and the command loop of the clients."""

import argparse
import asyncio
import json
import sys
import traceback

def options(description):
    """Reads the options every client script takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token")
    parser.add_argument("--mode", choices=["legacy", "auto"], default="legacy")
    parser.add_argument("--info", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--call")
    parser.add_argument("--args", default="{}")
    parser.add_argument("--script")
    # By itself long enough for a slow machine, short enough that a test does not hang.
    parser.add_argument("--patience", type=float, default=30.0)
    return parser.parse_args()


def headers_of(given):
    """Headers for a transport: the token when one was given."""
    return {} if given.token is None else {"Authorization": f"Bearer {given.token}"}


async def commands(given):
    """Yields the commands: those of --info, --list and --call, or one a line from the script file or standard input."""
    named = [{"info": True}] * given.info + [{"list": True}] * given.list
    if given.call is not None:
        named.append({"call": given.call, "args": json.loads(given.args)})
    if named:
        for command in named:
            yield command
        return
    with open(given.script, encoding="utf-8") if given.script else sys.stdin as lines:
        # Off the event loop: while nobody asks anything, the client still hears from the server.
        while line := await asyncio.to_thread(lines.readline):
            if line.strip():
                yield json.loads(line)


async def converse(given, peer):
    """Carries out the commands on one connection and prints one JSON line for each; returns the exit code.

    `peer` wraps an official client: it is an async context manager, with `info`, `list` and `call`. An error the client
    raises is an answer like any other; the exit code is 1 only when no connection came about.
    """
    connected = False
    try:
        async with peer:
            connected = True
            async for command in commands(given):
                show(await carried_out(peer, command))
    except Exception as error:
        if connected:
            traceback.print_exc()
        else:
            show({"connect": described(error)})
        return 1
    return 0


async def carried_out(peer, command):
    try:
        if command.get("info"):
            return {"info": peer.info()}
        if command.get("list"):
            return {"tools": await peer.list()}
        return {"result": shown(await peer.call(command["call"], command.get("args", {})))}
    except Exception as error:
        return {"error": described(error)}


def shown(result):
    """A result as every script prints it: the texts joined, the kinds of content, and what else was in it."""
    wire = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    content = wire.get("content", [])
    answer = {
        "isError": wire.get("isError", False),
        "text": "\n".join(part["text"] for part in content if part["type"] == "text"),
        "content": [part["type"] for part in content],
    }
    return answer | {name: wire[name] for name in ("structuredContent", "_meta") if name in wire}


def described(error):
    """An error as every script prints it: its kind and code as the client gives them, and the HTTP status if it has one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    status = getattr(getattr(error, "response", None), "status_code", None)
    found = {"name": type(error).__name__, "code": getattr(error, "code", None), "status": status}
    found |= {"message": str(error), "data": getattr(error, "data", None)}
    return {name: value for name, value in found.items() if value is not None}


def show(answer):
    print(json.dumps(answer), flush=True)
