import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { RunRecord } from '../history/run-record.ts';
import { noonMs, runRecord } from '../history/testing/builders.ts';
import { rehearseRuns } from '../history/testing/rehearsal.ts';
import { writeRuns } from '../history/testing/write-runs.ts';
import { failedStep, stepError } from '../runner/testing/builders.ts';
import { runProgram } from './program.ts';
import { testContext } from './testing/context.ts';

/** What `report` and `status` print for readers elsewhere, in every form. */

const forms = {
  html: ['report', '--out', '-'],
  csv: ['report', '--csv'],
  text: ['status'],
  json: ['status', '--json'],
  nagios: ['status', '--nagios'],
} as const;

type Outputs = Readonly<Record<keyof typeof forms, string>>;

/** What the commands print at noon, with and without the option. */
async function printAll(runs: readonly RunRecord[]): Promise<{ readonly open: Outputs; readonly hidden: Outputs }> {
  const baseDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-hide-'));
  try {
    await writeRuns(path.join(baseDir, 'results'), runs);
    const print = async (...options: readonly string[]) => {
      const outputs: Partial<Record<keyof typeof forms, string>> = {};
      for (const [form, args] of Object.entries(forms)) {
        const context = testContext({}, { baseDir });
        await runProgram([...args, ...options], context);
        outputs[form as keyof typeof forms] = context.written.output + context.written.errorOutput;
      }
      return outputs as Outputs;
    };
    return { open: await print(), hidden: await print('--hide-account') };
  } finally {
    await rm(baseDir, { recursive: true });
  }
}

function useNoon(): void {
  vi.useFakeTimers({ now: noonMs, toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Everything but the texts: what the option must not change. */
function figuresOf({ html, csv, json, nagios }: Outputs): unknown {
  const texts = new Set(['account', 'message', 'advice', 'code', 'problems']);
  return {
    pictures: html.match(/<svg[^]*?<\/svg>/g),
    tables: html.match(/<table[^>]*class="[^"]*figures[^]*?<\/table>/g),
    rows: rowsOf(csv),
    json: JSON.parse(json, (key, value: unknown) => (texts.has(key) ? '' : value)) as unknown,
    nagios: nagios.split('|')[1],
  };
}

/** The rows of a CSV without the columns that hold texts. */
function rowsOf(csv: string): string {
  const [header = [], ...rows] = csv
    .trim()
    .split('\r\n')
    .map((line) => [...line.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, cell = '']) => cell));
  const texts = new Set(['account', 'code', 'message', 'reason', 'resolution']);
  return rows.map((row) => row.filter((_, index) => !texts.has(header[index] ?? '')).join()).join('\n');
}

/** No word of the outputs is in here, and no digits that a figure may have. */
const accounts = fc.integer({ min: 200_000_000_000, max: 999_999_999_999 }).map(String);
const names = fc.stringMatching(/^zq[a-z0-9+=@.-]{3,20}qz$/);
const testNames = fc.stringMatching(/^test(user|group)-zq[a-z]{1,8}-[a-z0-9]{8}-[a-z0-9]{6}$/);

/** What AWS, a gateway or our own code may say about an entity. */
const templates: readonly ((entity: {
  readonly account: string;
  readonly name: string;
  readonly own: string;
}) => string)[] = [
  ({ account, name, own }) =>
    `User: arn:aws:iam::${account}:user/ops/${name} is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::${account}:user/AwsIamMonitorTestUsers/${own} because no identity-based policy allows the iam:CreateUser action`,
  ({ account, name }) => `arn:aws:sts::${account}:assumed-role/${name}/session-${name}; the role ${name} of ${account}`,
  ({ own }) => `The user with name ${own} cannot be found.`,
  ({ name }) => `Group with name ${name} already exists.`,
  ({ account, name }) => `<Arn>arn:aws:iam::${account}:policy/${name}</Arn><b>${account}</b>`,
  ({ account, name }) => `url?Resource=arn%3Aaws%3Aiam%3A%3A${account}%3Auser%2F${encodeURIComponent(name)}&n=1`,
  ({ account }) => `account ${account}\nis closed (${account})\u0007`,
  ({ account, name, own }) => `{"Arn":"arn:aws:iam::${account}:group/${name}","GroupName":"${own}"}`,
  ({ own }) => `'${own}' "${own}" ${own}, ${own}. ${own.toUpperCase()} ${own.slice(0, -3)}…`,
];

const entities = fc.record({ account: accounts, name: names, own: testNames });
const texts = fc
  .record({ entity: entities, parts: fc.array(fc.nat(templates.length - 1), { minLength: 1, maxLength: 4 }) })
  .map(({ entity, parts }) => ({ entity, text: parts.map((at) => templates[at]?.(entity)).join(' ') }));

const stories = fc.array(
  fc.record({ said: texts, kind: fc.constantFrom('theirs', 'ours', 'interrupted', 'passed'), at: fc.nat(2) }),
  { minLength: 1, maxLength: 8 },
);

test('no account number and no name of an entity is in any output with --hide-account, and no figure changes', async () => {
  useNoon();
  const property = fc.asyncProperty(stories, async (told) => {
    const runs = told.map(({ said: { entity, text }, kind, at }, index) => {
      const run = runRecord(noonMs - (told.length - index) * 120_000, kind === 'passed' ? { kind } : { kind, at });
      const error = stepError({ verdict: kind === 'ours' ? 'permission' : 'service', message: text, advice: text });
      return {
        ...run,
        account: entity.account,
        testUser: entity.own,
        steps: run.steps.map((step) => {
          if (step.state === 'failed') return failedStep({ ...step, error });
          return step.state === 'passed' ? { ...step, evidence: { resolution: text } } : { ...step, reason: text };
        }),
        problems: kind === 'ours' ? [{ kind: 'hook' as const, message: text, stack: text }] : [],
        leftovers: [
          { entity: `user ${entity.own} (may exist)`, reason: text, command: `aws iam delete-user ${entity.own}` },
        ],
        warnings: [text],
      };
    });
    const { open, hidden } = await printAll(runs);
    const secrets = told.flatMap(({ said: { entity } }) => [entity.account, entity.name, entity.own]);
    for (const [form, output] of Object.entries(hidden)) {
      for (const secret of secrets) expect(output.toLowerCase(), `${form} has ${secret}`).not.toContain(secret);
    }
    expect(open.csv).toContain(told[0]?.said.entity.account);
    expect(figuresOf(hidden)).toEqual(figuresOf(open));
  });
  await fc.assert(property, { numRuns: 12 });
});

test('an ordinary day looks the same with --hide-account, except for what the option leaves out', async () => {
  useNoon();
  const account = '234567890123';
  const testUser = 'testuser-prod-mf3k2x1c-9a8b7c';
  const runs = [...rehearseRuns({ endMs: noonMs, days: 1 })].map((run) => ({ ...run, account, testUser }));
  const { open, hidden } = await printAll(runs);
  for (const output of Object.values(hidden)) {
    expect(output).not.toContain(account);
    expect(output).not.toContain(testUser);
  }
  expect(open.html).toContain(account);
  expect(figuresOf(hidden)).toEqual(figuresOf(open));
  expect(hidden.text).toBe(open.text);
  expect(hidden.nagios).toBe(open.nagios);
  expect(hidden.csv).toBe(open.csv.replaceAll(account, ''));
});

test('the last run is hidden, too, if it is older than what is shown', async () => {
  useNoon();
  const account = '234567890123';
  const { open, hidden } = await printAll([runRecord(noonMs - 40 * 86_400_000, { kind: 'passed' }, { account })]);
  expect(open.html).toContain(account);
  expect(hidden.html).not.toContain(account);
});
