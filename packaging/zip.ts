import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

/** Of 150 MB leaves 49; above this, twice the time and more buys another 0.2. */
const compressionLevel = 6;

export interface ZipEntry {
  readonly path: string;
  /** In the archive. */
  readonly name: string;
  readonly modifiedAt: Date;
}

/** Writes an archive of one executable file. The same file and date give the same bytes, in every time zone. */
export async function writeZip(zipPath: string, { path, name, modifiedAt }: ZipEntry): Promise<void> {
  const zip = new yazl.ZipFile();
  // From memory, so that the sizes stand in front of the data: not every reader can do without.
  zip.addBuffer(await readFile(path), name, {
    mtime: shownInUtc(modifiedAt),
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
