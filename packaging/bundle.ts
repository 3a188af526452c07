import { isBuiltin } from 'node:module';
import path from 'node:path';
import { rolldown } from 'rolldown';

export interface Bundle {
  /** A CommonJS module, in ASCII. */
  readonly code: string;
  /** The files that it was made of. */
  readonly modules: readonly string[];
}

/** What must not get into a product: code of tests and what only development needs. */
const unwanted =
  /\/(mocks|testing|e2e|bench)\/|\.test\.ts$|\/node_modules\/(vitest|@vitest|aws-sdk-client-mock|junit-report-builder)\//;

/**
 * Makes one file of a program and everything that it imports.
 *
 * It is not minified: names and lines in a stack trace are worth more than the size, and the start takes no longer.
 *
 * @throws Error where it would need anything at run time that Node does not bring along
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
      // import() would need a loader, and finds Node's own modules alone.
      dynamicImportInCjs: false,
      comments: false,
      // In one-byte characters V8 reads it as it is. `minify` because nothing else takes the option.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
    });
    const [{ code, moduleIds, imports, dynamicImports, fileName }, ...more] = output;
    const problems = [
      ...warnings,
      ...more.map((other) => `it needs a second file, ${other.fileName}`),
      ...[...imports, ...dynamicImports]
        .filter((id) => id !== fileName && !isBuiltin(id))
        .map((id) => `${id} is not bundled and no module of Node`),
      ...moduleIds.filter((id) => unwanted.test(id)).map((id) => `${id} must not be delivered`),
      ...findUnfit(code),
    ];
    if (problems.length > 0) {
      throw new Error(
        `Bundling ${path.relative(projectDir, input)} failed:\n${problems.map((text) => `- ${text}\n`).join('')}`,
      );
    }
    return { code, modules: moduleIds.filter((id) => path.isAbsolute(id)) };
  } finally {
    await build.close();
  }
}

/** What `loadProgram` has not got for the code. */
const missing: Readonly<Record<string, RegExp>> = {
  'a loader for what is known only at run time': /(?<![\w$.])(?:import\s*\(|require\s*\(\s*[A-Za-z_$])/,
  'a path of its own': /(?<![\w$.])(?:import\.meta|__dirname|__filename)\b/,
  'characters beyond ASCII': /[^\0-\x7F]/,
};

/** What would fail when the code is loaded by `loadProgram`. */
export function findUnfit(code: string): string[] {
  return Object.entries(missing).flatMap(([what, pattern]) => {
    const found = pattern.exec(code);
    return found === null ? [] : [`it needs ${what}: ${JSON.stringify(around(code, found.index))}`];
  });
}

function around(code: string, index: number): string {
  return code.slice(Math.max(0, index - 40), index + 40);
}

/** What the program knows of its own making: `cli/main.ts`. */
export interface BuildFacts {
  readonly commit: string;
  readonly version: string;
}

/** The function around the bundled code that `loadProgram` calls, and the constant that the code looks for. */
export function makeProgramSource(code: string, { commit, version }: BuildFacts): string {
  // On one line with the first of the code, so that a line in a stack trace is a line of the bundle.
  const constant = `const AWSIAM_BUILD = ${JSON.stringify({ commit, version })};`;
  return `(function (exports, require) { ${constant} ${code}\n})`;
}
