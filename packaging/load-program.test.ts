import { expect, it } from 'vitest';
import { loadProgram } from './load-program.ts';
import { makeProgramSource } from './bundle.ts';

const code = `
const os = require('node:os');
exports.main = () => [typeof AWSIAM_BUILD === 'undefined' ? undefined : AWSIAM_BUILD, os.EOL];`;
const source = makeProgramSource(code, { commit: 'ae58712', version: '0.1.0' });

it('gives the program its build facts and the modules of Node', () => {
  const { main } = loadProgram(source);
  expect(main([], { self: [] })).toEqual([{ commit: 'ae58712', version: '0.1.0' }, '\n']);
});

it('keeps the lines of the bundle, for stack traces', () => {
  const { main } = loadProgram(
    makeProgramSource('\nexports.main = () => {\n throw new Error("a bug"); }', { commit: '', version: '' }),
  );
  const stack = (() => {
    try {
      return main([], { self: [] });
    } catch (error) {
      return (error as Error).stack;
    }
  })();
  expect(stack).toContain('awsiam.js:3:');
});

it('uses compiled code of the same source, and compiles again if the source differs', () => {
  const compiled = loadProgram(source).compiledCode();
  expect(loadProgram(source, compiled).isCacheRejected).toBe(false);

  const { main, isCacheRejected } = loadProgram(`${source} `, compiled);
  expect(isCacheRejected).toBe(true);
  expect(main([], { self: [] })).toHaveLength(2);
});

it('says which module is missing', () => {
  const { main } = loadProgram(
    makeProgramSource('exports.main = ([name]) => require(name);', { commit: '', version: '' }),
  );
  expect(() => main(['no-such-module'], { self: [] })).toThrow('no-such-module is not in the executable');
});

it('refuses a program that exports no main', () => {
  expect(() => loadProgram(makeProgramSource('', { commit: '', version: '' }))).toThrow('exports no main()');
});
