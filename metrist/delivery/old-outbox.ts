import { mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';

/** A file that an earlier version left in the outbox. */
export interface OldFile {
  readonly kind: 'telemetry' | 'error' | 'unknown';
  /**
   * Moves an error to where errors wait today. Removes telemetry: Metrist would take the time of its arrival for the time of
   * the call. Moves anything else to `corrupt/`.
   *
   * @throws Node's error, and leaves the file where it is; `ENOENT` when another process was faster
   */
  clear(): Promise<void>;
}

/**
 * An earlier version kept a directory for each run, which held the run's telemetry too:
 *
 * ```text
 * outbox/20261122T100000123-9f3a0c11/01-telemetry.json
 * outbox/20261122T100000123-9f3a0c11/09-error.json
 * outbox/20261122T100000123-9f3a0c11/09-error.sent-1795….json
 * outbox/20261122T100000123-9f3a0c11.claim-1795…-4711/…       held by a process since 1795…
 * ```
 *
 * @param dir the outbox
 * @param isHeld whether a process that took hold of something at this time may still be at work
 */
export async function listOldFiles(dir: string, isHeld: (atMs: number) => boolean): Promise<OldFile[]> {
  const files: OldFile[] = [];
  for (const name of await readdir(dir).catch(() => [])) {
    const match = /^(\d{8}T\d{9}-[\da-f]+)(?:\.claim-(\d+)-\d+)?$/.exec(name);
    const [, run = '', claimedAt] = match ?? [];
    if (match === null || (claimedAt !== undefined && isHeld(Number(claimedAt)))) continue;
    files.push(...(await listRun(path.join(dir, name), run)));
  }
  return files;
}

async function listRun(runDir: string, run: string): Promise<OldFile[]> {
  try {
    const names = await readdir(runDir);
    if (names.length === 0) await removeIfEmpty(runDir);
    return names.map((name) => oldFile(runDir, run, name));
  } catch (error) {
    // Reported when somebody tries to clear it.
    return [{ kind: 'unknown', clear: () => Promise.reject(error) }];
  }
}

function oldFile(runDir: string, run: string, name: string): OldFile {
  const dir = path.dirname(runDir);
  const [, index, known, sent = ''] = /^(\d{2,})-(telemetry|error)(\.sent-\d+)?\.json$/.exec(name) ?? [];
  const kind = known === 'telemetry' || known === 'error' ? known : 'unknown';
  const move = async (): Promise<void> => {
    const file = path.join(runDir, name);
    switch (kind) {
      case 'telemetry':
        return await unlink(file);
      case 'error':
        return await rename(file, path.join(dir, `${run}-${index}${sent}.json`));
      case 'unknown':
        await mkdir(path.join(dir, 'corrupt'), { recursive: true });
        return await rename(file, path.join(dir, 'corrupt', `${run}-${name}`));
      default:
        return kind satisfies never;
    }
  };
  return {
    kind,
    clear: async () => {
      await move();
      await removeIfEmpty(runDir);
    },
  };
}

async function removeIfEmpty(dir: string): Promise<void> {
  await rmdir(dir).catch(() => {});
}
