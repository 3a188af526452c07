import { isBuiltin } from 'node:module';
import path from 'node:path';
import { rolldown } from 'rolldown';
import type { Release } from './release-version.ts';

export interface Bundle {
  /** A CommonJS module, in ASCII. */
  readonly code: string;
  /** The paths of its source files. */
  readonly modules: readonly string[];
}

/**
 * Files that must not be in the package: tests, and what only development needs. `@cloud-copilot/iam-simulate` is under the
 * AGPL. Matches paths relative to the project.
 */
const unwanted =
  /(^|\/)(testing|e2e|bench)\/|\.test\.ts$|(^|\/)node_modules\/(vitest|@vitest|aws-sdk-client-mock|sinon|@cloud-copilot|@aws-cdk)\//;

/**
 * Makes one file out of a program and everything that it imports.
 *
 * It is not minified, so that stack traces stay readable. A smaller file would not start faster.
 *
 * @throws Error if the program needs anything at run time that is not part of Node
 */
export async function bundle(input: string, projectDir: string): Promise<Bundle> {
  const warnings: string[] = [];
  const build = await rolldown({
    input,
    cwd: projectDir,
    platform: 'node',
    onLog: (_level, { message }) => void warnings.push(message),
  });
  try {
    const { output } = await build.generate({
      format: 'cjs',
      codeSplitting: false,
      // The executable has no loader, so import() of Node's modules becomes require().
      dynamicImportInCjs: false,
      comments: false,
    });
    const [{ moduleIds, imports, dynamicImports, fileName, ...chunk }, ...more] = output;
    const code = toAscii(chunk.code);
    // The other modules are rolldown's own.
    const modules = moduleIds.filter((id) => path.isAbsolute(id));
    const problems = [
      ...warnings,
      ...more.map((other) => `it needs a second file, ${other.fileName}`),
      ...[...imports, ...dynamicImports]
        .filter((id) => id !== fileName && !isBuiltin(id))
        .map((id) => `${id} is neither bundled nor a module of Node`),
      ...modules
        .map((file) => path.relative(projectDir, file))
        .filter((file) => unwanted.test(file))
        .map((file) => `${file} must not be in the package`),
      ...findUnsupported(code),
    ];
    if (problems.length > 0) {
      throw new Error(
        `Bundling ${path.relative(projectDir, input)} failed:\n${problems.map((text) => `- ${text}\n`).join('')}`,
      );
    }
    return { code, modules };
  } finally {
    await build.close();
  }
}

/**
 * Escapes all other characters, because V8 reads one-byte characters without a conversion. It means the same in a string, a
 * template, a regular expression and a name; only `String.raw` would see a difference. rolldown's own option leaves tagged
 * templates as they are.
 */
function toAscii(code: string): string {
  return code.replaceAll(/[^\0-\x7F]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What `loadProgram` does not give to the code that it loads, with a pattern for code that needs it. */
const missing: Readonly<Record<string, RegExp>> = {
  'a loader for what is known only at run time': /(?<![\w$.])(?:import\s*\(|require\s*\(\s*[A-Za-z_$])/,
  'a path of its own': /(?<![\w$.])(?:import\.meta|__dirname|__filename)\b/,
  'characters beyond ASCII': /[^\0-\x7F]/,
};

/** Finds code that would fail when `loadProgram` loads it. */
export function findUnsupported(code: string): string[] {
  return Object.entries(missing).flatMap(([what, pattern]) => {
    const index = code.search(pattern);
    const context = code.slice(Math.max(0, index - 40), index + 40);
    return index < 0 ? [] : [`it needs ${what}: ${JSON.stringify(context)}`];
  });
}

/** Wraps the bundled code into the function that `loadProgram` calls, with the constant that `cli/main.ts` reads. */
export function makeProgramSource(code: string, { commit, version }: Pick<Release, 'commit' | 'version'>): string {
  // On the first line of the code, so that line numbers in stack traces are those of the bundle.
  const constant = `const AWSIAM_BUILD = ${JSON.stringify({ commit, version })};`;
  return `(function (exports, require) { ${constant} ${code}\n})`;
}
