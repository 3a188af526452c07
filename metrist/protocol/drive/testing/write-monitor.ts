import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** What a monitor does at each point, as the body of a function; `send(text)` sends a message, `raw(text)` just writes. */
export interface MonitorScript {
  readonly start?: string;
  readonly version?: string;
  /** Gets `json`. */
  readonly config?: string;
  /** Gets `step`, its name. */
  readonly step?: string;
  /** Gets `cleanup`, 0 or 1. */
  readonly exit?: string;
}

const defaultScript: Required<MonitorScript> = {
  start: `send('Started 1.1');`,
  version: `send('Ready');`,
  config: `send('Configured');`,
  step: `send('Step Time 12.5');`,
  exit: `process.exit(0);`,
};

/** Writes a monitor that follows the protocol, except where the script differs. */
export async function writeMonitor(script: MonitorScript = {}): Promise<string> {
  const { start, version, config, step, exit } = { ...defaultScript, ...script };
  return await writeProgram(`#!${process.execPath}
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
const frame = (text) => String(Buffer.byteLength(text)).padStart(5, '0') + ' ' + text;
const raw = (text) => process.stdout.write(text);
const send = (text) => raw(frame(text));
const react = {
  Version: () => { ${version} },
  Config: (json) => { ${config} },
  Run: (rest) => { const step = rest.slice('Step '.length); ${step} },
  Exit: (cleanup) => { ${exit} },
};
let input = '';
process.stdin.setEncoding('latin1').on('data', (text) => {
  input += text;
  for (let body; (body = /^(\\d+) /.exec(input)) && input.length >= body[0].length + Number(body[1]); ) {
    const message = Buffer.from(input.slice(body[0].length, body[0].length + Number(body[1])), 'latin1').toString();
    input = input.slice(body[0].length + Number(body[1]));
    const [keyword] = message.split(' ', 1);
    react[keyword](message.slice(keyword.length + 1));
  }
});
${start}
`);
}

/** Writes an executable file. */
export async function writeProgram(text: string, { mode = 0o755 }: { readonly mode?: number } = {}): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-monitor-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = path.join(dir, 'monitor.mjs');
  await writeFile(file, text, { mode });
  return file;
}
