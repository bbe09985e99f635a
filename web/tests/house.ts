// Starts a demo of the program before the tests and ends it after them.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What an instance says of itself when it has started. */
export interface House {
  gateway_url: string;
  control_url: string;
  api_key: string;
  setup_url: string | null;
  grants: Record<string, string>;
  members: Record<string, string>;
}

export const house = (): House => JSON.parse(process.env.HOUSE ?? '{}') as House;

/** Starts the program, and answers with what it said and how it is ended. */
export async function open(args: string[]): Promise<{ said: string; end: () => Promise<void> }> {
  const binary = process.env.COUNTERSIGN_BIN ?? '../target/debug/countersign';
  const child: ChildProcess = spawn(binary, ['--json', ...args], {
    stdio: ['ignore', 'pipe', process.env.LOUD ? 'inherit' : 'ignore'],
    // Settings of whoever runs the tests are not those of the program under test.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_')),
    ),
  });
  const out = child.stdout;
  if (!out) throw new Error('the program says nothing');
  const lines = createInterface({ input: out });
  const said = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}`)));
    child.once('error', reject);
  });
  const end = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  return { said, end };
}

export default async function setup(): Promise<() => Promise<void>> {
  const { said, end } = await open(['demo', '--ports', '0,0,0']);
  process.env.HOUSE = said;
  return end;
}
