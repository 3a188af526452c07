import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { startIamServer } from '../mocks/iam/server.ts';
import { makeHistory, makeTotals } from './make-history.ts';
import { settingsFor } from './spawn-node.ts';
const server = await startIamServer({});
const dir = mkdtempSync('/tmp/deploycfg/rss-');
makeHistory(dir, { days: 7, endMs: Date.now() }); await makeTotals(dir, Date.now());
const [file, ...args] = process.argv.slice(2);
const child = spawn(file!, [...args, 'watch', '--every', '1s', '--listen', '127.0.0.1:0'], { env: { PATH: process.env.PATH, ...(process.env.LR ? { LR: '1' } : {}), HOME: process.env.HOME, ...settingsFor(server.url), METRIST_RESULTS_DIR: dir, AWS_EC2_METADATA_DISABLED: 'true' } as any, stdio: 'ignore' });
for (let n = 1; n <= 42;) {
  const [call] = await once(server.events, 'call') as any;
  if (call.operation !== 'CreateUser') continue;
  if ([2, 5, 10, 20, 30, 40, 50, 60].includes(n)) { const s = readFileSync(`/proc/${child.pid}/status`, 'utf8'); console.log(n, ...['VmRSS', 'VmHWM'].map((k) => `${k} ${(Number(new RegExp(`${k}:\\s+(\\d+)`).exec(s)?.[1]) / 1024).toFixed(0)}`)); }
  n++;
}
child.kill(); await once(child, 'close'); process.exit(0);
