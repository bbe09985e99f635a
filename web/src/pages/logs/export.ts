// The lines that are loaded, as a table for a spreadsheet: what the page shows, and no more.
import type { Schemas } from '../../api/client';
import { csv } from '../../lib/csv';
import { logs } from '../../text/logs';

type Call = Schemas['CallOut'];

/** `names`: what people call the policies that lines name by id. */
export function asCsv(lines: Call[], names: (policy: string) => string): string {
  const { columns, filters, detail } = logs;
  const head = [
    columns.time,
    detail.id,
    columns.decision,
    filters.outcome,
    columns.tool,
    columns.grant,
    filters.server,
    columns.rule,
    detail.reason,
    columns.version,
    columns.keys,
  ];
  const rows = lines.map((call) => [
    call.at,
    call.id,
    call.decision,
    call.outcome?.class ?? '',
    call.tool ?? call.method,
    call.grant.name,
    call.server.name,
    call.rule,
    call.reason,
    call.policy ? `${names(call.policy.id)} v${call.policy.version}` : '',
    call.known_args.join(' '),
  ]);
  return csv([head, ...rows]);
}
