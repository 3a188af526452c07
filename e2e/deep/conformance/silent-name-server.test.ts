import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { goodConfig, test } from '../../harness/conformance.ts';

const address = '127.0.0.99';

test('the process ends although a name server does not answer', async ({ scenario, skip, onTestFinished }) => {
  const nameServer = createSocket('udp4').bind(53, address);
  onTestFinished(() => void nameServer.close());
  const isListening = await once(nameServer, 'listening').then(
    () => true,
    () => false,
  );
  if (!isListening) skip('port 53 cannot be bound here');
  if (spawnSync('unshare', ['-m', 'true']).status !== 0) skip('mounting a file over another is not possible here');
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-dns-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const resolvConf = path.join(dir, 'resolv.conf');
  await writeFile(resolvConf, `nameserver ${address}\n`);

  const monitor = await scenario.start(undefined, {
    env: { AWS_ENDPOINT_URL_IAM: 'http://iam.invalid' },
    script: (command) => `exec unshare -m sh -c 'mount --bind ${resolvConf} /etc/resolv.conf && exec ${command}'`,
  });
  const asked = once(nameServer, 'message');
  await monitor.next(/^Started/);
  monitor.send('Version 1.1');
  monitor.send(`Config ${JSON.stringify(goodConfig)}`);
  await asked;
  monitor.signal('SIGTERM');
  // The C library would wait ten seconds for the name server.
  expect(await monitor.ended).toMatchObject({ killed: false });
});
