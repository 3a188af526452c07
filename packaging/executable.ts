import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { assetNames } from './load-program.ts';
import type { CompiledCode } from './train-program.ts';

interface ExecutableParts extends CompiledCode {
  /** The bundled `boot.ts`. */
  readonly bootPath: string;
  readonly programPath: string;
}

/**
 * Checks that this machine can make an executable.
 *
 * @throws Error that says what is missing
 */
export function requireSeaSupport({ platform, versions }: Pick<NodeJS.Process, 'platform' | 'versions'>): void {
  if (platform !== 'linux') {
    throw new Error(
      `A package can only be made on Linux, and this is ${platform}: the Orchestrator runs on Linux, and an executable contains the Node of the machine that makes it`,
    );
  }
  const [major = 0, minor = 0] = versions.node.split('.').map(Number);
  if (major < 25 || (major === 25 && minor < 5)) {
    throw new Error(
      `A package needs Node 25.5 or newer for --build-sea, and this is ${versions.node}: "npm ci" installs the project's own, which "npm run package" then uses`,
    );
  }
}

/**
 * Puts the program into a copy of the running Node (https://nodejs.org/api/single-executable-applications.html).
 *
 * @param workDir for intermediate files
 * @returns the path of the executable
 */
export async function makeExecutable(parts: ExecutableParts, workDir: string): Promise<string> {
  const configPath = path.join(workDir, 'sea.json');
  const executablePath = path.join(workDir, 'executable');
  const config = {
    main: parts.bootPath,
    executable: process.execPath,
    output: executablePath,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    // Ignores NODE_OPTIONS: they are not meant for this program, and V8 flags would make the compiled code useless.
    execArgvExtension: 'none',
    assets: {
      [assetNames.program]: parts.programPath,
      [assetNames.orchestratorCode]: parts.orchestratorCodePath,
      [assetNames.commandCode]: parts.commandCodePath,
    },
  };
  await writeFile(configPath, JSON.stringify(config));
  try {
    await promisify(execFile)(process.execPath, ['--build-sea', configPath], { cwd: workDir, env: {} });
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string };
    throw new Error(`node --build-sea failed: ${stderr.trim() || message}`, { cause: error });
  }
  await chmod(executablePath, 0o755);
  return executablePath;
}
