import vm from 'node:vm';
import type { main } from '../cli/main.ts';

/**
 * The names of the files inside the executable, besides `boot.ts`. V8 reads all of the compiled code that it is given, so each
 * way to start the program has its own.
 */
export const assetNames = {
  program: 'program.js',
  /** What a run under the Orchestrator calls. */
  orchestratorCode: 'orchestrator.cache',
  /** What commands call, most of all `run`. */
  commandCode: 'command.cache',
} as const;

interface LoadedProgram {
  readonly main: typeof main;
  /** Whether V8 rejected the compiled code and compiled the source instead. */
  readonly isCacheRejected: boolean;
  /** Everything that V8 has compiled so far, including the functions that were called. */
  readonly compiledCode: () => Buffer;
}

/** What the source has to evaluate to. */
type ProgramFunction = (exports: { main?: typeof main }, require: (id: string) => unknown) => void;

/** Appears in stack traces. */
const filename = 'awsiam.js';

/**
 * Evaluates the bundled program. The executable and the training both use this function, because compiled code works only
 * with the same source, V8 and flags that it was made with.
 *
 * @param compiledCode from an earlier process
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

/** The executable contains no modules but Node's own. */
function requireBuiltin(id: string): unknown {
  const found: unknown = process.getBuiltinModule(id);
  if (found === undefined) throw new Error(`${id} is not in the executable`);
  return found;
}
