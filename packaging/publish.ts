import { copyFile, link, mkdir, readdir, rename, rm, writeFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

export interface Publication {
  readonly version: string;
  /** Where the executable was made. It is copied. */
  readonly executablePath: string;
  /** Inside the directory already, under a name of its own. */
  readonly zipDraft: string;
  readonly zipName: string;
}

/**
 * Puts a finished package in place of the one before. Every file appears complete under its name, and a running
 * executable goes on with what it has. The version is written last: while it is there, what it names is there.
 */
export async function publish(
  distDir: string,
  { version, executablePath, zipDraft, zipName }: Publication,
): Promise<void> {
  const at = (name: string): string => path.join(distDir, name);
  await rm(at(latestFile), { force: true });
  await removeZips(distDir);

  // Not moved: run from the pages that the injection wrote, it takes 45 MB more of memory than from those of a copy.
  await copyFile(executablePath, at(draftOf(programName)));
  await rename(at(draftOf(programName)), at(programName));
  await mkdir(path.dirname(at(localExecutable)), { recursive: true });
  await linkOrCopy(at(programName), at(draftOf(localExecutable)));
  await rename(at(draftOf(localExecutable)), at(localExecutable));
  await rename(zipDraft, at(zipName));
  await writeFile(at(draftOf(latestFile)), version);
  await rename(at(draftOf(latestFile)), at(latestFile));
}

/** A name beside the file's own, on the same disk. Hidden, and that of no package. */
export function draftOf(name: string): string {
  return path.join(path.dirname(name), `.${path.basename(name)}.${process.pid}`);
}

async function removeZips(distDir: string): Promise<void> {
  const old = (await readdir(distDir)).filter(isZipFile);
  await Promise.all(old.map((name) => rm(path.join(distDir, name))));
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  // Not every file system has links.
  await link(from, to).catch(() => copyFile(from, to));
}

/** The name of everything: of the executable, of the monitor, of the directory in which the Orchestrator looks. */
export const programName = 'awsiam';

/** What the Orchestrator reads to learn the newest version. */
export const latestFile = `${programName}-latest.txt`;

/** Where the Orchestrator finds it with `METRIST_EXE_LOCAL_PATH=dist/local`. */
export const localExecutable = `local/${programName}/${programName}`;

/** `awsiam-0.1.0-20261122131000-ae58712-linux-x64.zip` */
export function zipFile(version: string, { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'>): string {
  return `${programName}-${version}-${platform}-${arch}.zip`;
}

/** Whether a file is the package of some version. */
export function isZipFile(name: string): boolean {
  return name.startsWith(`${programName}-`) && name.endsWith('.zip');
}

/** Of 150 MB leaves 49; above this, twice the time and more buys another 0.2. */
const compressionLevel = 6;

export interface ZipEntry {
  readonly path: string;
  /** In the archive. */
  readonly name: string;
  readonly modifiedAt: Date;
}

/** Writes an archive of one executable file. The same file and date give the same bytes, in every time zone. */
export async function writeZip(zipPath: string, entry: ZipEntry): Promise<void> {
  const zip = new yazl.ZipFile();
  // From memory, so that the sizes stand in front of the data: not every reader can do without.
  zip.addBuffer(await readFile(entry.path), entry.name, {
    mtime: shownInUtc(entry.modifiedAt),
    mode: 0o100755,
    compressionLevel,
    forceDosTimestamp: true,
  });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(zipPath));
}

/** An archive's date has no time zone and is written in the local one. */
function shownInUtc(date: Date): Date {
  const [year, month, ...time] = date.toISOString().split(/\D/).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return new Date(year, month - 1, ...time.slice(0, 4));
}
