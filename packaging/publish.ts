import { copyFile, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isZipFile, latestFile, localExecutable, programName } from './file-names.ts';

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
