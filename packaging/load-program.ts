import vm from 'node:vm';
import type { main } from '../cli/main.ts';

export interface LoadedProgram {
  readonly main: typeof main;
  /** Whether V8 refused the compiled code that was given, and compiled the source instead. */
  readonly isCacheRejected: boolean;
  /** Everything compiled so far, functions that were called included. */
  readonly compiledCode: () => Buffer;
}

/** What the source has to be: a function to which its exports and the way to Node's modules are given. */
type ProgramFunction = (exports: { main?: typeof main }, require: (id: string) => unknown) => void;

/** What stands in stack traces. */
const filename = 'awsiam.js';

/**
 * Evaluates the bundled program. The executable and the training do it the same way: compiled code fits the source, the
 * V8 and the flags that it was made with, and no other.
 *
 * @param compiledCode what an earlier process compiled
 * @throws what the program's top level throws
 */
export function loadProgram(source: string, compiledCode?: Buffer): LoadedProgram {
  const script = new vm.Script(source, { filename, ...(compiledCode && { cachedData: compiledCode }) });
  const exports: Parameters<ProgramFunction>[0] = {};
  (script.runInThisContext() as ProgramFunction)(exports, requireBuiltin);
  if (exports.main === undefined) throw new Error('the bundled program exports no main()');
  return {
    main: exports.main,
    isCacheRejected: script.cachedDataRejected === true,
    compiledCode: () => script.createCachedData(),
  };
}

/** All that there is to load is what Node brings along. */
function requireBuiltin(id: string): unknown {
  const found: unknown = process.getBuiltinModule(id);
  if (found === undefined) throw new Error(`${id} is not in the executable`);
  return found;
}

/** What lies in the executable beside the code that it begins with. */
export const assetNames = { program: 'program.js', compiledCode: 'program.cache' } as const;
