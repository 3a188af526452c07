import { createHash } from 'node:crypto';
import { mkdir, mkdtempDisposable, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { bundle, type Bundle, makeProgramSource } from './bundle.ts';
import { makeExecutable, requireSeaSupport } from './executable.ts';
import { draftOf, latestFile, localExecutable, programName, publish, withClaim, writeZip, zipFile } from './publish.ts';
import { nameRelease, readWorkTree, type Release } from './release-version.ts';
import { checkExecutable, trainProgram } from './train-program.ts';

const projectDir = path.dirname(import.meta.dirname);
export const defaultDistDir = path.join(projectDir, 'dist');

interface PackageOptions {
  /** The directory of the package. @default 'dist' of the project */
  readonly distDir?: string;
  /** Keeps the existing package if it was made from the same files. @default false */
  readonly reuse?: boolean;
  /** Gets a line after each stage. */
  readonly report?: (line: string) => void;
}

interface Package {
  readonly version: string;
  /** The paths of two of its files. */
  readonly executable: string;
  readonly zip: string;
  readonly isReused: boolean;
}

/** `npm run package` */
async function main(): Promise<void> {
  try {
    const { executable, zip } = await packageExecutable({ report: (line) => console.log(line) });
    console.log([executable, zip].map((file) => path.relative('', file)).join('\n'));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** vitest's global setup of the end-to-end tests: makes the package, unless the one in `dist` is of the current sources. */
export async function setup(): Promise<void> {
  const { version, isReused } = await packageExecutable({ reuse: true });
  if (!isReused) console.log(`packaged ${version}`);
}

/**
 * Makes the executable and its archive from the sources. If another process is making one for the same directory, this
 * waits until it has finished.
 *
 * @throws Error that says which stage failed; the existing package then stays as it is
 */
export async function packageExecutable(options: PackageOptions = {}): Promise<Package> {
  const { distDir = defaultDistDir, reuse = false, report = () => {} } = options;
  requireSeaSupport(process);
  await mkdir(distDir, { recursive: true });
  const act = async (): Promise<Package> => {
    await using workDir = await mkdtempDisposable(path.join(os.tmpdir(), 'awsiam-package-'));
    return await makePackage({ distDir, workDir: workDir.path, reuse, report });
  };
  return await withClaim(distDir, act, () => report('waiting for another "npm run package"'));
}

async function makePackage({
  distDir,
  workDir,
  reuse,
  report,
}: Required<PackageOptions> & { readonly workDir: string }): Promise<Package> {
  const stage = startStages(report);
  const [boot, program] = await Promise.all([
    bundle(path.join(import.meta.dirname, 'boot.ts'), projectDir),
    bundle(path.join(projectDir, 'cli/main.ts'), projectDir),
  ]);
  const release = await readRelease(boot, program);
  const { version } = release;
  const result = {
    version,
    executable: path.join(distDir, programName),
    zip: path.join(distDir, zipFile(version, process)),
  };
  if (reuse && (await isPublished(distDir, result))) return { ...result, isReused: true };

  const parts = {
    bootPath: path.join(workDir, 'boot.js'),
    programPath: path.join(workDir, 'program.js'),
  };
  const source = makeProgramSource(program.code, release);
  await Promise.all([writeFile(parts.bootPath, boot.code), writeFile(parts.programPath, source)]);
  stage('bundle', `${megabytes(source.length)} from ${program.modules.length} files`);

  const compiled = await trainProgram(parts.programPath, workDir);
  const sizes = await Promise.all(Object.values<string>({ ...compiled }).map(async (file) => (await stat(file)).size));
  stage('training', `${sizes.map(megabytes).join(' and ')} of compiled code`);

  const executablePath = await makeExecutable({ ...parts, ...compiled }, workDir);
  await checkExecutable(executablePath, workDir);
  stage('executable', `${megabytes((await stat(executablePath)).size)}, all steps passed`);

  const zipDraft = path.join(distDir, draftOf(path.basename(result.zip)));
  try {
    await writeZip(zipDraft, { path: executablePath, name: programName, modifiedAt: release.date });
    stage('archive', megabytes((await stat(zipDraft)).size));
    await publish(distDir, { version, executablePath, zipDraft, zipName: path.basename(result.zip) });
  } finally {
    await rm(zipDraft, { force: true });
  }
  return { ...result, isReused: false };
}

async function readRelease(boot: Bundle, program: Bundle): Promise<Release> {
  const modules = [...boot.modules, ...program.modules];
  return nameRelease({
    packageVersion: packageJson.version,
    workTree: await readWorkTree(projectDir, modules),
    fingerprint: await fingerprintOf([process.version, boot.code, program.code]),
    now: new Date(),
  });
}

/** A hash of what is packed, and of the code that packs it. */
async function fingerprintOf(texts: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const files = (await readdir(import.meta.dirname)).filter((name) => !name.endsWith('.test.ts')).toSorted();
  for (const file of files) hash.update(await readFile(path.join(import.meta.dirname, file)));
  for (const text of texts) hash.update(text);
  return hash.digest('hex').slice(0, 8);
}

async function isPublished(distDir: string, { version, zip, executable }: Omit<Package, 'isReused'>): Promise<boolean> {
  try {
    await Promise.all([zip, executable, path.join(distDir, localExecutable)].map((file) => stat(file)));
    return (await readFile(path.join(distDir, latestFile), 'utf8')) === version;
  } catch {
    return false;
  }
}

/** Returns a function that reports what a stage made, and its duration: the time since the previous stage. */
function startStages(report: (line: string) => void): (name: string, outcome: string) => void {
  let lastMs = performance.now();
  return (name, outcome) => {
    const nowMs = performance.now();
    report(`${name.padEnd(10)}  ${outcome.padEnd(36)}  ${((nowMs - lastMs) / 1000).toFixed(1).padStart(4)} s`);
    lastMs = nowMs;
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

if (import.meta.main) await main();
