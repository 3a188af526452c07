import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { bundle, type Bundle, makeProgramSource } from './bundle.ts';
import { makeExecutable, requireSeaSupport } from './executable.ts';
import { latestFile, programName, localExecutable, zipFile, draftOf, publish, writeZip } from './publish.ts';
import { withLock } from './lock.ts';
import { readWorkTree, nameRelease, type Release } from './release-version.ts';
import { rehearse, trainProgram } from './train-program.ts';

const projectDir = path.dirname(import.meta.dirname);
export const defaultDistDir = path.join(projectDir, 'dist');

export interface PackageOptions {
  /** Where the package is put. @default 'dist' of the project */
  readonly distDir?: string;
  /** The file that exports `main`. @default 'cli/main.ts' */
  readonly input?: string;
  /** Keeps the package that is there if it is the one that would be made. @default false */
  readonly reuse?: boolean;
  /** Gets a line about each stage as soon as it is done. */
  readonly report?: (line: string) => void;
}

export interface Package {
  readonly version: string;
  /** Paths. */
  readonly executable: string;
  readonly localExecutable: string;
  readonly zip: string;
  /** Whether it was there already. */
  readonly isReused: boolean;
}

/**
 * Makes the executable and its archive from the sources. Only one process at a time does so for a directory.
 *
 * @throws Error that says which stage failed, and leaves the package that was there
 */
export async function packageExecutable(options: PackageOptions = {}): Promise<Package> {
  const { distDir = defaultDistDir } = options;
  requireSeaSupport(process);
  await mkdir(distDir, { recursive: true });
  return await withLock(path.join(distDir, '.lock'), async () => {
    const workDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-package-'));
    try {
      return await makePackage({ distDir, workDir, ...options });
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  });
}

async function makePackage({
  distDir,
  workDir,
  input = path.join(projectDir, 'cli/main.ts'),
  reuse = false,
  report = () => {},
}: PackageOptions & { readonly distDir: string; readonly workDir: string }): Promise<Package> {
  const stage = startStages(report);
  const [boot, program] = await Promise.all([
    bundle(path.join(import.meta.dirname, 'boot.ts'), projectDir),
    bundle(input, projectDir),
  ]);
  const release = await readRelease(boot, program);
  const { version } = release;
  const result = {
    version,
    executable: path.join(distDir, programName),
    localExecutable: path.join(distDir, localExecutable),
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

  const compiledPath = await trainProgram(parts.programPath, workDir);
  stage('training', `${megabytes((await stat(compiledPath)).size)} of compiled code`);

  const executablePath = await makeExecutable({ ...parts, compiledPath }, workDir);
  await rehearse([executablePath], path.join(workDir, 'home'));
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
  const tree = await readWorkTree(projectDir, modules);
  return nameRelease({
    packageVersion: packageJson.version,
    commit: tree?.commit,
    isModified: tree?.isModified ?? false,
    fingerprint: await fingerprintOf([process.version, boot.code, program.code]),
    now: new Date(),
  });
}

/** Of what is packed, and of how. */
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

/** Tells what a stage made and how long it took, which is the time since the one before. */
function startStages(report: (line: string) => void): (name: string, outcome: string) => void {
  let lastMs = performance.now();
  return (name, outcome) => {
    const nowMs = performance.now();
    report(`${name.padEnd(10)}  ${outcome.padEnd(32)}  ${((nowMs - lastMs) / 1000).toFixed(1).padStart(4)} s`);
    lastMs = nowMs;
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
