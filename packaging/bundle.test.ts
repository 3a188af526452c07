import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { bundle, findUnsupported, makeProgramSource } from './bundle.ts';
import { loadProgram } from './load-program.ts';

describe('a bundle', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await realpath(await mkdtemp(path.join(os.tmpdir(), 'awsiam-bundle-')));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
  });

  const bundleText = async (text: string): ReturnType<typeof bundle> => {
    await writeFile(path.join(dir, 'main.ts'), text);
    return await bundle(path.join(dir, 'main.ts'), dir);
  };

  it('is one file of all that is imported, statically and dynamically', async () => {
    await writeFile(path.join(dir, 'other.ts'), 'export const other: string = "the other file";');
    const { code, modules } = await bundleText('export const main = async () => (await import("./other.ts")).other;');
    expect(code).toContain('the other file');
    expect(modules.toSorted()).toEqual([path.join(dir, 'main.ts'), path.join(dir, 'other.ts')]);
  });

  it('keeps names, for stack traces', async () => {
    const { code } = await bundleText(
      'export function main(first: string) { return innerName(); function innerName() { return first; } }',
    );
    expect(code).toMatch(/function main\(first\)[^]*function innerName\(\)/);
  });

  it('is in ASCII and still means the same', async () => {
    const { code } = await bundleText(
      'export const main = () => `at ${1} · ` + "…😀".replace(/[😀]/u, "é") + html`${1}’s`; const html = ([, end]) => end;',
    );
    expect(code).toMatch(/^[\0-\x7F]*$/);
    const { main } = loadProgram(makeProgramSource(code, { commit: '', version: '' }));
    expect((main as unknown as () => string)()).toBe('at 1 · …é’s');
  });

  it('needs no loader for modules of Node', async () => {
    const { code } = await bundleText('export const main = async () => (await import("node:os")).EOL;');
    const { main } = loadProgram(makeProgramSource(code, { commit: '', version: '' }));
    expect(await main([], { self: [] })).toBe(os.EOL);
  });

  it('may be made in a directory of any name', async () => {
    const projectDir = path.join(dir, 'bench');
    await mkdir(projectDir);
    await writeFile(path.join(projectDir, 'main.ts'), 'export const main = 1;');
    await expect(bundle(path.join(projectDir, 'main.ts'), projectDir)).resolves.toBeDefined();
  });

  it.for([
    ['a package that is not installed', 'import "no-such-package"; export const main = 1;', 'no-such-package'],
    ['a loader', 'export const main = (name) => import(name);', 'a loader'],
    ['its own path', 'export const main = () => import.meta.dirname;', 'a path of its own'],
  ] as const)('is refused when it would need %s', async ([, text, expected]) => {
    await expect(bundleText(text)).rejects.toThrow(expected);
  });

  it.for([
    ['a helper of tests', 'mocks/iam/testing/clients.ts', 'mocks/iam/testing/clients.ts must not be in the package'],
    [
      'a development package',
      'mocks/iam/client-mock.ts',
      /node_modules\/aws-sdk-client-mock\/.* must not be in the package/,
    ],
    [
      'a package with a licence that binds its users',
      'cli/policy/testing/simulate.ts',
      /node_modules\/@cloud-copilot\/iam-simulate\/.* must not be in the package/,
    ],
  ] as const)('is refused when it would contain %s', async ([, file, expected]) => {
    const source = JSON.stringify(path.resolve(import.meta.dirname, '..', file));
    await expect(bundleText(`import * as all from ${source}; export const main = all;`)).rejects.toThrow(expected);
  });
});

describe('findUnsupported', () => {
  it.for([
    ['import("x")', 1],
    ['await import (name)', 1],
    ['import.meta.url', 1],
    ['"…"', 1],
    ['require(name)', 1],
    ['__dirname + __filename', 1],
    ['loader.import("x"); reimport(); $import(); loader.require(name)', 0],
    ['"please call require(\\"x\\")"', 0],
    ['require("node:os")', 0],
  ] as const)('finds in %s this number of problems: %d', ([code, problems]) => {
    expect(findUnsupported(code)).toHaveLength(problems);
  });
});
