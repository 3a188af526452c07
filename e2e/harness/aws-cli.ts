import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { need } from '../../runner/testing/needs.ts';

/** Where Debian's package puts the AWS CLI. */
const program = '/usr/bin/aws';

/**
 * Makes a directory for the PATH with a command `aws`: Debian's AWS CLI. It takes the address of `AWS_ENDPOINT_URL`, which the
 * CLI reads itself only from its version 2.13 on; Debian 12 has 2.9. The directory can also be the home of somebody who is not
 * signed in.
 */
export async function makeAwsCommand(context: Pick<TestContext, 'skip'>): Promise<string> {
  const found = await access(program).then(
    () => program,
    () => undefined,
  );
  need(context, found, 'the AWS CLI (Debian package awscli)');
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-cli-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const script = `#!/bin/sh
export AWS_PAGER=''
exec ${program} --endpoint-url "$AWS_ENDPOINT_URL" "$@"
`;
  await writeFile(path.join(dir, 'aws'), script, { mode: 0o755 });
  return dir;
}
