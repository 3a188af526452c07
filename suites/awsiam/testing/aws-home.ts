import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';

export interface AwsHome {
  /** Writes an executable shell script and gives its path. */
  readonly script: (name: string, lines: string) => Promise<string>;
  /** Writes a file below the home directory. */
  readonly write: (name: string, text: string) => Promise<string>;
}

/**
 * Makes a home directory with this AWS config file for one test, and sets these variables of AWS and no others. Every endpoint
 * that a test does not set is a closed port, so that a forgotten one fails.
 */
export async function makeAwsHome(config: string, variables: Readonly<Record<string, string>> = {}): Promise<AwsHome> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'awsiam-home-'));
  for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_'))) vi.stubEnv(name, undefined);
  const quiet = { HOME: home, AWS_EC2_METADATA_DISABLED: 'true', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' };
  for (const [name, value] of Object.entries({ ...quiet, ...variables })) vi.stubEnv(name, value);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true, force: true });
  });
  const write = async (name: string, text: string): Promise<string> => {
    const file = path.join(home, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    return file;
  };
  await write('.aws/config', config.replaceAll('~/', `${home}/`));
  return {
    write,
    script: async (name, lines) => {
      const file = await write(name, `#!/bin/sh\n${lines}\n`);
      await chmod(file, 0o755);
      return file;
    },
  };
}
