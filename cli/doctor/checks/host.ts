import { randomUUID } from 'node:crypto';
import type { StatsFs } from 'node:fs';
import { mkdir, open, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { getCompileCacheDir } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { isSea } from 'node:sea';
import { describeUnsupportedNode } from '../../../host/last-resort.js';
import { shortenPath } from '../../../host/results-dir.ts';
import { formatCount } from '../../../text/number.ts';
import { messageOf } from '../../../text/printable.ts';
import { formatUtc } from '../../../text/time.ts';
import type { CheckGroup, DoctorContext } from '../check-group.ts';
import { failure, ok, warning, type Finding } from '../finding.ts';

/** What a run needs from this machine. Writes a small file to the results directory, and removes it again. */
export const host: CheckGroup = {
  name: 'host',
  title: 'this host',
  needsNetwork: false,
  async *check(context) {
    yield describeNode();
    yield* await checkResultsDir(context);
    yield describeCompileCache(context);
    yield describeClock(new Date());
  },
};

function describeNode(): Finding {
  const problem = describeUnsupportedNode(process.version);
  // With a Node.js that is too old, cli/awsiam.js says so, and nothing of this is loaded.
  return problem === undefined
    ? ok(`Node.js ${process.version} on ${os.type()} ${process.arch}`)
    : failure(problem, 'Install one of these versions.');
}

/** As much as the reports of a run. */
const trialBytes = 64 * 1024;
/** Some weeks of runs every two minutes. */
const fewFreeBytes = 100 * 1024 * 1024;
/** Some file systems can be full of files although there are bytes left. */
const fewFreeFiles = 1000;

const elsewhere = 'or let METRIST_RESULTS_DIR name another directory';

/** Why a file cannot be written, and what to do. */
const writeFailures: Readonly<Record<string, readonly [reason: string, fix: string]>> = {
  EACCES: ['this user may not write there', `Give the directory to the user of the runs (chown), ${elsewhere}.`],
  EPERM: ['this user may not write there', `Give the directory to the user of the runs (chown), ${elsewhere}.`],
  EROFS: ['the file system is read-only', `Mount it for writing, ${elsewhere}.`],
  ENOSPC: ['the disk is full', `Make room on it, ${elsewhere}.`],
  EDQUOT: ["this user's disk quota is used up", `Make room, ${elsewhere}.`],
};

async function checkResultsDir({ resultsDir, probe }: DoctorContext): Promise<Finding[]> {
  const shown = shortenPath(resultsDir, process.cwd());
  const name = `the results directory ${shown}`;
  try {
    return await probe(`writing to ${name}`, async () => {
      const existing = await findExisting(resultsDir);
      if (existing === resultsDir) await tryFile(resultsDir);
      else await tryDirectory(existing);
      const does = existing === resultsDir ? 'can be written to' : 'does not exist yet; a run can make it';
      return [ok(`${name} ${does}`), describeSpace(await statfs(existing))];
    });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const [reason, fix] = writeFailures[code] ?? [messageOf(error), `Correct the directory, ${elsewhere}.`];
    return [failure(`${name} cannot be written to: ${reason}`, fix)];
  }
}

/** The directory, or its nearest parent that exists. */
async function findExisting(dir: string): Promise<string> {
  try {
    await stat(dir);
    return dir;
  } catch (error) {
    const parent = path.dirname(dir);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === dir) throw error;
    return await findExisting(parent);
  }
}

const trialName = (dir: string): string => path.join(dir, `.awsiam-doctor-${randomUUID()}`);

async function tryFile(dir: string): Promise<void> {
  const file = trialName(dir);
  try {
    await using handle = await open(file, 'wx');
    await handle.writeFile(Buffer.alloc(trialBytes));
    // Some file systems find out only here that they are full.
    await handle.sync();
  } finally {
    await rm(file, { force: true });
  }
}

async function tryDirectory(parent: string): Promise<void> {
  const dir = trialName(parent);
  await mkdir(dir);
  await rmdir(dir);
}

function describeSpace({ bavail, bsize, files, ffree }: StatsFs): Finding {
  const freeBytes = bavail * bsize;
  const what = `its disk has ${formatCount(Math.floor(freeBytes / 1024 / 1024))} MB left`;
  // Some file systems do not count files and report 0.
  if (files > 0 && ffree < fewFreeFiles)
    return warning(`its disk has room for ${ffree} more files`, `Remove files, ${elsewhere}.`);
  return freeBytes < fewFreeBytes
    ? warning(what, `Make room, ${elsewhere}, or keep fewer days (AWSIAM_HISTORY_DAYS).`)
    : ok(what);
}

/** Node keeps compiled code there, so that the next run starts faster. A run can do without. */
function describeCompileCache({ values }: DoctorContext): Finding {
  if (isSea()) return ok('the executable has its compiled code in itself');
  const dir = getCompileCacheDir();
  if (dir !== undefined) return ok(`compiled code is kept in ${path.dirname(dir)}`);
  if (values['NODE_DISABLE_COMPILE_CACHE'] === '1') return ok('no compiled code is kept (NODE_DISABLE_COMPILE_CACHE)');
  const fix = `Runs start more slowly. Make room under ${os.tmpdir()}, or name a private directory in NODE_COMPILE_CACHE.`;
  return warning(`no compiled code can be kept under ${os.tmpdir()}`, fix);
}

/** The clock is right only if it is later than this program. */
const programDate = Date.UTC(2026, 0, 1);

function describeClock(now: Date): Finding {
  const what = `the clock shows ${formatUtc(now.getTime())}`;
  if (now.getTime() < programDate)
    return failure(`${what}, which is in the past`, 'Set the clock, and keep it right by NTP.');
  return ok(what);
}
