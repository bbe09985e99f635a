"""A FastMCP server as an upstream: a ledger of notes and payments with typed tools, in both eras, tool lists in pages.

    .venv/bin/python fastmcp_server.py --port PORT      listens on 127.0.0.1, endpoint /mcp, prints `ready` when listening
"""

import argparse
import asyncio
import socket
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from pydantic import BaseModel, Field


class Payment(BaseModel):
    number: int
    amount_cents: int
    currency: str
    to: str


@asynccontextmanager
async def started(_server):
    # The socket listens already, and now the application behind it stands too.
    print("ready", flush=True)
    yield {}


server = FastMCP("peers-fastmcp", version="1.0.0", lifespan=started, list_page_size=3)
payments: list[Payment] = []
notes: dict[str, str] = {}


@server.tool(annotations={"readOnlyHint": True})
def add(a: int, b: int) -> int:
    """Adds two whole numbers."""
    return a + b


@server.tool(annotations={"destructiveHint": True})
def send_payment(
    amount_cents: Annotated[int, Field(gt=0)],
    currency: Literal["EUR", "USD"],
    to: str,
    memo: str | None = None,
) -> Payment:
    """Sends a payment and answers with its number."""
    payments.append(Payment(number=len(payments) + 1, amount_cents=amount_cents, currency=currency, to=to))
    return payments[-1]


@server.tool(annotations={"readOnlyHint": True})
def list_payments(limit: Annotated[int, Field(ge=1, le=100)] = 10) -> list[Payment]:
    """Answers with the latest payments."""
    return payments[-limit:]


@server.tool
def write_note(title: str, body: str, tags: list[str] | None = None) -> str:
    """Writes a note, replacing one of the same title."""
    notes[title] = body
    return f"Written: {title} ({', '.join(tags or [])})"


@server.tool(annotations={"readOnlyHint": True})
def read_note(title: str) -> str:
    """Reads a note."""
    if title not in notes:
        raise ToolError(f"There is no note {title!r}.")
    return notes[title]


@server.tool(annotations={"destructiveHint": True})
def delete_note(title: str) -> str:
    """Deletes a note."""
    if notes.pop(title, None) is None:
        raise ToolError(f"There is no note {title!r}.")
    return f"Deleted: {title}"


@server.tool
async def count_slowly(to: Annotated[int, Field(ge=1, le=100)], context: Context) -> int:
    """Counts, a step each 50 ms, and reports progress."""
    for step in range(1, to + 1):
        await context.report_progress(step, to)
        await asyncio.sleep(0.05)
    return to


@server.resource("notes://{title}")
def note(title: str) -> str:
    """A note by its title."""
    return notes.get(title, "")


@server.prompt
def summarise(title: str) -> str:
    """Asks for a summary of a note."""
    return f"Summarise this note: {notes.get(title, '')}"


async def serve(port):
    with socket.create_server(("127.0.0.1", port)) as listening:
        await server.run_http_async(show_banner=False, path="/mcp", port=port, sockets=[listening], log_level="warning")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
