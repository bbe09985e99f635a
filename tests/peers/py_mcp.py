"""The official Python SDK as a client: `--mode legacy` opens a session, `--mode auto` asks which era the server speaks.

    .venv/bin/python py_mcp.py --url URL [--token TOKEN] [--mode legacy|auto] --info | --list | --call NAME [--args JSON]

Without one of those, and without `--script FILE`, commands are read from standard input; README.md describes them.
"""

import asyncio
import sys

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from lib import converse, headers_of, options


class Peer:
    def __init__(self, given):
        self.http = create_mcp_http_client(headers=headers_of(given))
        transport = streamable_http_client(given.url, http_client=self.http)
        self.client = Client(transport, mode=given.mode, read_timeout_seconds=given.patience)

    async def __aenter__(self):
        await self.http.__aenter__()
        await self.client.__aenter__()

    async def __aexit__(self, *raised):
        await self.client.__aexit__(*raised)
        await self.http.__aexit__(*raised)

    def info(self):
        server = self.client.server_info
        capabilities = self.client.server_capabilities.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {
            "protocolVersion": self.client.protocol_version,
            "server": server and {"name": server.name, "version": server.version},
            "capabilities": capabilities,
        }

    async def list(self):
        names, cursor = [], None
        while True:
            page = await self.client.list_tools(cursor=cursor)
            names += [tool.name for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return names

    async def call(self, name, args):
        return await self.client.call_tool(name, args)


if __name__ == "__main__":
    given = options(__doc__)
    sys.exit(asyncio.run(converse(given, Peer(given))))
