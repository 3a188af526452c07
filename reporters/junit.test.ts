import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { blockedStep, failedStep, monitorRun, passedStep, stepError } from '../runner/testing/builders.ts';
import { JunitReporter, renderJunit } from './junit.ts';
import {
  emptyRun,
  hostileRun,
  interruptedRun,
  loadErrorRun,
  ourFailureRun,
  passedRun,
  runs,
  theirFailureRun,
} from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

interface Case {
  readonly name: string;
  readonly time: string;
  readonly failure?: { readonly text: string; readonly message: string; readonly type: string };
  readonly error?: { readonly text: string; readonly message: string; readonly type: string };
  readonly skipped?: { readonly text: string; readonly message: string };
}

interface Suite extends Record<'tests' | 'failures' | 'errors' | 'skipped' | 'time', string> {
  readonly testcase: readonly Case[];
  readonly 'system-err'?: string;
}

interface Document {
  readonly testsuites: { readonly testsuite: Suite };
}

/** The parsed document. */
function parse(xml: string): Document {
  expect(XMLValidator.validate(xml)).toBe(true);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    textNodeName: 'text',
    parseTagValue: false,
    isArray: (name) => name === 'testcase',
  });
  const document: Document = parser.parse(xml);
  return document;
}

function suiteOf(run: MonitorRun): Suite {
  return parse(renderJunit(run)).testsuites.testsuite;
}

describe('renderJunit', () => {
  test.for([
    ['passed', passedRun],
    ['failed', theirFailureRun],
    ['our-error', ourFailureRun],
    ['interrupted', interruptedRun],
    ['load-error', loadErrorRun],
    ['empty', emptyRun],
  ] as const)('writes the document golden/%s.xml', async ([name, run]) => {
    const xml = renderJunit(run, { hostname: 'probe-1', stepsFile: 'suites/awsiam/steps.ts' });
    parse(xml);
    await expect(xml).toMatchFileSnapshot(`testing/golden/${name}.xml`);
  });

  test('writes a failure either as <failure> or as <error>, by whose fault it is', () => {
    const [, theirs] = suiteOf(theirFailureRun).testcase;
    const [ours] = suiteOf(ourFailureRun).testcase;
    expect(theirs).toMatchObject({ failure: { type: 'service' } });
    expect(theirs).not.toHaveProperty('error');
    expect(ours).toMatchObject({ error: { type: 'permission' } });
    expect(ours).not.toHaveProperty('failure');
  });

  test('counts its cases, failures, errors and skipped cases', () => {
    for (const run of Object.values(runs)) {
      const suite = suiteOf(run);
      const count = (kind: 'failure' | 'error' | 'skipped') => suite.testcase.filter((item) => kind in item).length;
      expect(suite).toMatchObject({
        tests: String(suite.testcase.length),
        failures: String(count('failure')),
        errors: String(count('error')),
        skipped: String(count('skipped')),
      });
    }
  });

  test('gives every case its own name, the same in each run', () => {
    const names = suiteOf(hostileRun).testcase.map(({ name }) => name);
    expect(names).toEqual([
      'CreateUser',
      'CreateGroup',
      'AddUserToGroup',
      'DeleteGroup',
      '(run) unhandled',
      '(run) unhandled 2',
    ]);
  });

  test('repeats the message in the body, for consumers that only read bodies', () => {
    const failure = suiteOf(theirFailureRun).testcase[1]?.failure;
    expect(failure?.text).toContain(failure?.message);
    const skipped = suiteOf(theirFailureRun).testcase[2]?.skipped;
    expect(skipped).toEqual({ message: 'CreateGroup failed', text: 'CreateGroup failed' });
  });

  test.for([
    [0.0004, '0'],
    [0.001, '0'],
    [84.25, '0.084'],
    [900_000, '900'],
    [Number.NaN, '0'],
    [-1, '0'],
  ] as const)('writes %d ms as %s seconds, without exponent or unit', ([durationMs, time]) => {
    expect(suiteOf(monitorRun({ steps: [passedStep({ durationMs })] })).testcase[0]?.time).toBe(time);
  });

  test('writes only times that the schema of Surefire allows', () => {
    for (const run of Object.values(runs)) {
      const times = [...renderJunit(run).matchAll(/ time="([^"]*)"/g)].map(([, time]) => time);
      expect(times.length).toBeGreaterThan(1);
      // SUREFIRE_TIME in https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd
      for (const time of times) expect(time).toMatch(/^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?$/);
    }
  });

  test('calls a wrong setting a configuration error, and does not repeat the failure of a step', () => {
    const message = 'METRIST_NAMESPACE is not set';
    const problems = [{ kind: 'configuration', message }] as const;
    expect(suiteOf(monitorRun({ state: 'failed', problems })).testcase.at(-1)?.error).toMatchObject({
      message,
      type: 'configuration',
    });
    const first = failedStep({ error: stepError({ message: `ConfigError at CreateUser: ${message}` }) });
    expect(suiteOf(monitorRun({ state: 'failed', problems, steps: [first] })).testcase).toHaveLength(1);
  });

  test('shortens a message of a megabyte and keeps what follows it', () => {
    const message = 'x'.repeat(1_000_000);
    const xml = renderJunit(
      monitorRun({ steps: [failedStep({ error: stepError({ message, advice: 'Look here.' }) })] }),
    );
    expect(xml.length).toBeLessThan(100_000);
    const failure = suiteOf(
      monitorRun({ steps: [failedStep({ error: stepError({ message, advice: 'Look here.' }) })] }),
    ).testcase[0]?.failure;
    expect(failure?.message).toHaveLength(1000);
    expect(failure?.text).toContain('What to do: Look here.');
  });

  test('offers no command for the leftovers of an offline run', () => {
    const leftovers = [{ entity: 'user testuser-offline', reason: 'AccessDenied' }];
    const xml = renderJunit(monitorRun({ mode: 'offline', leftovers }));
    expect(xml).toContain('left behind: user testuser-offline (AccessDenied)');
    expect(xml).not.toMatch(/remove with|undefined/);
  });

  test('stays well-formed and keeps the words of every text', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.constantFrom(']]>', '<', '&', '"', '\uD800', '\uDC00', '\0', '\r'),
      ),
    });
    fc.assert(
      fc.property(text, text, (message, reason) => {
        const steps = [
          failedStep({ error: stepError({ message: `${message} end`, code: reason, stack: reason }) }),
          blockedStep({ reason }),
        ];
        const suite = suiteOf(monitorRun({ steps, warnings: [message] }));
        expect(suite.testcase[0]?.failure?.text).toContain('end');
        expect(suite.testcase).toHaveLength(2);
      }),
    );
  });

  test('the message of a failure has the whole list in one line', () => {
    const message = '2 problems with the settings:\n- METRIST_NAMESPACE is not set\n- METRIST_AWS_REGION is not set';
    const suite = suiteOf(
      monitorRun({ steps: [failedStep({ error: stepError({ verdict: 'configuration', message }) })] }),
    );
    expect(suite.testcase[0]?.error?.message).toBe(
      'configuration: 2 problems with the settings: - METRIST_NAMESPACE is not set - METRIST_AWS_REGION is not set',
    );
  });

  test('does not change text around the end of a CDATA section', () => {
    const message = 'a ]]> b ]]> <c> & "d" 😀';
    const suite = suiteOf(monitorRun({ steps: [failedStep({ error: stepError({ message }) })] }));
    expect(suite.testcase[0]?.failure?.text).toContain(message);
  });
});

describe('JunitReporter', () => {
  test('makes missing directories and names the file in its outcome', async () => {
    const file = join(await temporaryDirectory(), 'a/b/junit.xml');
    expect(await new JunitReporter({ file }).report(passedRun)).toEqual({
      ok: true,
      isRoutine: true,
      text: `JUnit ${file}`,
    });
    expect(await readFile(file, 'utf8')).toBe(renderJunit(passedRun));
  });

  test('replaces the last run and leaves nothing else in the directory', async () => {
    const directory = await temporaryDirectory();
    const reporter = new JunitReporter({ file: join(directory, 'junit.xml') });
    await reporter.report(passedRun);
    await reporter.report(theirFailureRun);
    expect(await readFile(join(directory, 'junit.xml'), 'utf8')).toBe(renderJunit(theirFailureRun));
    expect(await readdir(directory)).toEqual(['junit.xml']);
  });

  test('says why when it cannot write', async () => {
    const file = join(await temporaryDirectory(), 'junit.xml');
    await mkdir(file);
    expect(await new JunitReporter({ file }).report(passedRun)).toEqual({
      ok: false,
      text: expect.stringMatching(/^JUnit .*junit\.xml could not be written: a directory is in the way/) as unknown,
    });
  });
});

test('if a document cannot be written, an older one that shows a success is removed', async () => {
  const file = join(await temporaryDirectory(), 'junit.xml');
  const reporter = new JunitReporter({ file });
  await reporter.report(passedRun);
  await expect(reporter.report({ ...passedRun, steps: undefined as never })).resolves.toMatchObject({ ok: false });
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('removes the unfinished document of a killed run, but not that of another run', async () => {
  const directory = await temporaryDirectory();
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const name of ['junit.xml.123', 'junit.xml.bak', 'other.xml.123']) {
    await writeFile(join(directory, name), '');
    await utimes(join(directory, name), hourAgo, hourAgo);
  }
  await writeFile(join(directory, 'junit.xml.456'), '');
  await new JunitReporter({ file: join(directory, 'junit.xml') }).report(passedRun);
  expect((await readdir(directory)).toSorted()).toEqual([
    'junit.xml',
    'junit.xml.456',
    'junit.xml.bak',
    'other.xml.123',
  ]);
});

test('replaces the target of a symbolic link and keeps the link', async () => {
  const directory = await temporaryDirectory();
  const [file, target] = [join(directory, 'junit.xml'), join(directory, 'target.xml')];
  await writeFile(target, 'an older document');
  await symlink('target.xml', file);
  await new JunitReporter({ file }).report(passedRun);
  expect(await readFile(target, 'utf8')).toContain('<testsuites');
  expect((await readdir(directory)).toSorted()).toEqual(['junit.xml', 'target.xml']);
});

test('writes its document even if an unfinished one is gone or cannot be removed', async () => {
  const directory = await temporaryDirectory();
  const hourAgo = new Date(Date.now() - 3_600_000);
  // As if another run had finished it after the directory was listed.
  await symlink(join(directory, 'gone'), join(directory, 'junit.xml.123'));
  await mkdir(join(directory, 'junit.xml.456'));
  await utimes(join(directory, 'junit.xml.456'), hourAgo, hourAgo);
  const file = join(directory, 'junit.xml');
  await expect(new JunitReporter({ file }).report(passedRun)).resolves.toMatchObject({ ok: true });
  expect(await readFile(file, 'utf8')).toContain('<testsuites');
  expect(await readdir(directory)).toContain('junit.xml.456');
});

testReporter('JunitReporter', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'awsiam-junit-'));
  const results = join(directory, 'results');
  return {
    reporter: new JunitReporter({ file: join(results, 'junit.xml') }),
    async breakDestination() {
      await rm(results, { recursive: true, force: true });
      await writeFile(results, 'a file where the directory should be');
    },
    close: () => rm(directory, { recursive: true }),
  };
});

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'awsiam-junit-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}
