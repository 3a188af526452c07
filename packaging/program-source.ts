/** What the program knows of its own making: `cli/build.ts`. */
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
