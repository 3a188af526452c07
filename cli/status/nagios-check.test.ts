import { describe, expect, test } from 'vitest';
import { testContext } from '../testing/context.ts';
import { isNagiosCheck, runNagiosCheck } from './nagios-check.ts';

async function check(run: Parameters<typeof runNagiosCheck>[1]) {
  const context = testContext({});
  const exitCode = await runNagiosCheck(context, run);
  return { exitCode, ...context.written };
}

describe('a check of Nagios', () => {
  test.for([0, 1, 2, 3])(
    'passes on an answer with the exit code %d, and nothing that is written beside it',
    async (code) => {
      const answer = await check((context) => {
        context.errorOutput.write('! a warning\n');
        context.output.write('AWSIAM X - text|data\n');
        return Promise.resolve(code);
      });
      expect(answer).toEqual({ exitCode: code, output: 'AWSIAM X - text|data\n', errorOutput: '' });
    },
  );

  test('makes one line and UNKNOWN of every error', async () => {
    const answer = await check((context) => {
      context.errorOutput.write("error: unknown option '--x|y'\n\n(awsiam --help lists the commands)\n");
      return Promise.resolve(2);
    });
    const output = "AWSIAM UNKNOWN - error: unknown option '--x/y' (awsiam --help lists the commands)\n";
    expect(answer).toEqual({ exitCode: 3, output, errorOutput: '' });
  });

  test('makes UNKNOWN of a signal', async () => {
    const answer = await check(() => Promise.resolve(143));
    expect(answer).toEqual({ exitCode: 3, output: 'AWSIAM UNKNOWN - the check was interrupted\n', errorOutput: '' });
  });

  test('shows the help, which is no answer either', async () => {
    const answer = await check((context) => {
      context.output.write('Usage: awsiam status\nOptions\n');
      return Promise.resolve(0);
    });
    expect(answer).toEqual({ exitCode: 3, output: 'Usage: awsiam status\nOptions\n', errorOutput: '' });
  });

  test.for([
    [['status', '--nagios'], true],
    [['status', '--mode', 'offline', '--nagios'], true],
    [['status', '--nagios=yes'], true],
    [['status'], false],
    [['configs', '--nagios'], false],
    [[], false],
  ] as const)('is what %j asks for: %s', ([args, expected]) => {
    expect(isNagiosCheck(args)).toBe(expected);
  });
});
