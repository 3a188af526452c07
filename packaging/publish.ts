import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import yazl from 'yazl';

/** The name of the executable, of the monitor, and of the directory in which the Orchestrator looks for it. */
export const programName = 'awsiam';

/** The file from which the Orchestrator learns the newest version. */
export const latestFile = `${programName}-latest.txt`;

/** Where the Orchestrator finds the executable with `METRIST_EXE_LOCAL_PATH=dist/local`. */
export const localExecutable = `local/${programName}/${programName}`;

/** `awsiam-0.1.0-20261122131000-ae58712-linux-x64.zip` */
export function zipFile(version: string, { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'>): string {
  return `${programName}-${version}-${platform}-${arch}.zip`;
}

/** Whether a file is an archive, of any version. */
export function isZipFile(name: string): boolean {
  return name.startsWith(`${programName}-`) && name.endsWith('.zip');
}

/**
 * Waits until no other process has a claim on the directory, then runs `act`.
 *
 * The claim is a socket in Linux's abstract namespace. Only one process can listen under a name, and the kernel closes the
 * socket when the process ends, even if it is killed. https://man7.org/linux/man-pages/man7/unix.7.html
 *
 * @param onWait is called once if another process has the claim
 */
export async function withClaim<Result>(dir: string, act: () => Promise<Result>, onWait?: () => void): Promise<Result> {
  const id = hash('sha256', await realpath(dir));
  await using socket = createServer((connection) => connection.destroy());
  for (let attempt = 0; !socket.listening; attempt += 1) {
    if (attempt === 1) onWait?.();
    if (attempt > 0) await delay(100);
    try {
      socket.listen(`\0awsiam-package-${id}`);
      await once(socket, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  return await act();
}

interface Publication {
  readonly version: string;
  /** The file is copied. */
  readonly executablePath: string;
  /** The file is renamed, so it has to be in the directory already; see `draftOf`. */
  readonly zipDraft: string;
  readonly zipName: string;
}

/**
 * Replaces the package in a directory. Each file is renamed into place when it is complete, so a running executable keeps its
 * old file. The file with the version is removed first and written last: as long as it exists, the archive that it names exists too.
 */
export async function publish(
  distDir: string,
  { version, executablePath, zipDraft, zipName }: Publication,
): Promise<void> {
  const at = (name: string): string => path.join(distDir, name);
  await rm(at(latestFile), { force: true });
  for (const name of await readdir(distDir)) if (isZipFile(name)) await rm(at(name));

  // Copied, because the file that Node wrote takes 45 MB more memory when it runs than a copy of it.
  await copyFile(executablePath, at(draftOf(programName)));
  await rename(at(draftOf(programName)), at(programName));
  await mkdir(path.dirname(at(localExecutable)), { recursive: true });
  await linkOrCopy(at(programName), at(draftOf(localExecutable)));
  await rename(at(draftOf(localExecutable)), at(localExecutable));
  await rename(zipDraft, at(zipName));
  await writeFile(at(draftOf(latestFile)), version);
  await rename(at(draftOf(latestFile)), at(latestFile));
}

/** A hidden name in the same directory, for a file that is still being written. */
export function draftOf(name: string): string {
  return path.join(path.dirname(name), `.${path.basename(name)}.${process.pid}`);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  // Some file systems have no hard links.
  await link(from, to).catch(() => copyFile(from, to));
}

/** Compresses 150 MB to 49. A higher level takes more than twice the time to save another 0.2 MB. */
const compressionLevel = 6;

interface ZipEntry {
  readonly path: string;
  /** The name in the archive. */
  readonly name: string;
  readonly modifiedAt: Date;
}

/** Writes an archive of one executable file. The same file and date give the same bytes in every time zone. */
export async function writeZip(zipPath: string, entry: ZipEntry): Promise<void> {
  const zip = new yazl.ZipFile();
  // From memory, so that the sizes come before the data: some readers need that.
  zip.addBuffer(await readFile(entry.path), entry.name, {
    mtime: shownInUtc(entry.modifiedAt),
    mode: 0o100755,
    compressionLevel,
    forceDosTimestamp: true,
  });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(zipPath));
}

/** The date whose local time is the UTC time of `date`: yazl writes local time into the archive, without a time zone. */
function shownInUtc(date: Date): Date {
  // Without the Z at the end, the text is read as local time.
  return new Date(date.toISOString().slice(0, -1));
}
