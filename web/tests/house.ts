// Starts a demo of the program before the tests and ends it after them.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What the demo says of itself. */
export interface House {
  gateway_url: string;
  control_url: string;
  api_key: string;
  grants: Record<string, string>;
  members: Record<string, string>;
}

export const house = (): House => JSON.parse(process.env.HOUSE ?? '{}') as House;

async function open(): Promise<{ child: ChildProcess; said: string }> {
  const binary = process.env.COUNTERSIGN_BIN ?? '../target/debug/countersign';
  const child = spawn(binary, ['--json', 'demo', '--ports', '0,0,0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const said = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}`)));
    child.once('error', reject);
  });
  return { child, said };
}

export default async function setup(): Promise<() => Promise<void>> {
  const { child, said } = await open();
  process.env.HOUSE = said;
  return async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
}
