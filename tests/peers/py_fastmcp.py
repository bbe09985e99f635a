"""FastMCP as a client: `--mode legacy` opens a session, `--mode auto` asks which era the server speaks.

    .venv/bin/python py_fastmcp.py --url URL [--token TOKEN] [--mode legacy|auto] --info | --list | --call NAME [--args JSON]

Without one of those, and without `--script FILE`, commands are read from standard input; README.md describes them.
"""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from lib import converse, headers_of, options


class Peer:
    def __init__(self, given):
        transport = StreamableHttpTransport(given.url, headers=headers_of(given))
        self.client = Client(transport, mode=given.mode, timeout=given.patience)

    async def __aenter__(self):
        await self.client.__aenter__()

    async def __aexit__(self, *raised):
        await self.client.__aexit__(*raised)

    def info(self):
        server = self.client.server_info
        capabilities = self.client.server_capabilities.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {
            "protocolVersion": self.client.protocol_version,
            "server": server and {"name": server.name, "version": server.version},
            "capabilities": capabilities,
        }

    async def list(self):
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, name, args):
        return await self.client.call_tool_mcp(name, args)


if __name__ == "__main__":
    given = options(__doc__)
    sys.exit(asyncio.run(converse(given, Peer(given))))
