import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMetristApi } from './api.ts';
import { deliver, holdError } from './deliver.ts';
import type { Outbox } from './outbox.ts';
import type { ErrorBody } from './results.ts';
import { telemetryBody } from '../testing/builders.ts';
import { failedRun, failure, report, setUpDelivery, telemetry, token } from '../testing/delivery.ts';
import type { Misbehaviour } from '../testing/stand-in.ts';

const minuteMs = 60_000;

/** Check and time of each stored error. */
const arrived = (rows: readonly Readonly<Record<string, unknown>>[]): string[] =>
  rows.map((row) => [row['check_logical_name'], row['time']].filter(Boolean).join(' '));

const isError = ({ path: asked }: { readonly path: string }): boolean => asked === '/api/agent/error';

describe('a delivery', () => {
  test('delivers this run’s error, then its telemetry in the order of the steps, and leaves nothing on disk', async () => {
    const { standIn, files, deliver: run } = await setUpDelivery();
    expect(await run(failedRun)).toEqual(report({ own: 3, delivered: 3 }));
    expect(
      standIn.requests.map(({ body }) => (JSON.parse(body) as { check_logical_name: string }).check_logical_name),
    ).toEqual(['AddUserToGroup', 'CreateUser', 'CreateGroup']);
    expect(standIn.maxConcurrency).toBe(1);
    expect(await files()).toEqual([]);
  });

  test('has the error on disk, marked as sent, before it sends anything', async () => {
    const { standIn, files, deliver: run } = await setUpDelivery();
    const seen: Promise<string[]>[] = [];
    standIn.behave(() => {
      seen.push(files());
      return { kind: 'hold', when: 'before', until: seen[0] ?? Promise.resolve() };
    });
    await run(failedRun);
    expect(await seen[0]).toEqual([expect.stringContaining('.sent-')]);
  });

  test('delivers the errors of earlier runs first, oldest first, with their own time', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    standIn.behave(() => ({ kind: 'answer', status: 500 }));
    await run([failure('CreateUser', '11:59:58')]);
    clock.advance(2 * minuteMs);
    await run([failure('CreateGroup', '12:01:58')]);
    standIn.behave([]);
    clock.advance(2 * minuteMs);
    expect(await run([telemetry('DeleteUser'), failure('CreateUser', '12:03:58')])).toEqual(
      report({ own: 2, delivered: 4 }),
    );
    expect(arrived(standIn.errors)).toEqual([
      'CreateUser 2026-11-22T11:59:58.312000',
      'CreateGroup 2026-11-22T12:01:58.312000',
      'CreateUser 2026-11-22T12:03:58.312000',
    ]);
  });

  test('never sends what Metrist would silently drop', async () => {
    const { standIn, files, deliver: run } = await setUpDelivery();
    const bad = { kind: 'telemetry', body: telemetryBody({ value: Number.NaN }) } as const;
    expect(await run([bad, telemetry('CreateGroup')])).toEqual(
      report({
        own: 2,
        delivered: 1,
        refused: 1,
        missing: 1,
        reason: expect.stringContaining('not sent') as unknown as string,
      }),
    );
    expect(standIn.requests).toHaveLength(1);
    expect([...standIn.swallowed, ...(await files())]).toEqual([]);
  });
});

describe('a fault of Metrist', () => {
  interface Fault {
    readonly title: string;
    readonly plan: readonly (Misbehaviour | undefined)[] | (() => Misbehaviour);
    /** What the run with the fault reports. It has three results. */
    readonly first: Partial<ReturnType<typeof report>>;
    readonly waitsMs?: readonly number[];
    /** How many telemetry results arrive twice. @default 0 */
    readonly twice?: number;
  }
  const down = (status: number, headers: Record<string, string> = {}) => ({ kind: 'answer', status, headers }) as const;
  const ownDelays = [250, 500, 1000, 2000];
  const noneDelivered = { waiting: 1, missing: 3 };

  const faults: readonly Fault[] = [
    {
      title: '429 once, with a reset',
      plan: [down(429, { 'x-ratelimit-reset': '1' })],
      first: { delivered: 3 },
      waitsMs: [1000],
    },
    { title: '429 once, without headers', plan: [down(429)], first: { delivered: 3 }, waitsMs: [250] },
    {
      title: '429 forever, with a reset',
      plan: () => down(429, { 'x-ratelimit-reset': '1' }),
      first: noneDelivered,
      waitsMs: Array<number>(15).fill(1000),
    },
    {
      title: '429 forever, with a reset of an hour',
      plan: () => down(429, { 'x-ratelimit-reset': '3600' }),
      first: noneDelivered,
      waitsMs: [],
    },
    { title: '429 forever, without headers', plan: () => down(429), first: noneDelivered, waitsMs: ownDelays },
    { title: '500 once', plan: [down(500)], first: { delivered: 3 }, waitsMs: [250] },
    {
      title: '500 once at telemetry',
      plan: [undefined, down(500)],
      first: { delivered: 3 },
      waitsMs: [250],
    },
    { title: '500 forever', plan: () => down(500), first: noneDelivered, waitsMs: ownDelays },
    { title: '503 once', plan: [down(503)], first: { delivered: 3 }, waitsMs: [250] },
    { title: '502 once at telemetry', plan: [undefined, down(502)], first: { delivered: 3 }, waitsMs: [250] },
    {
      title: '504 once at the error',
      plan: [down(504)],
      first: { delivered: 2, waiting: 1, unconfirmed: 1, missing: 1 },
    },
    { title: '504 forever', plan: () => down(504), first: { ...noneDelivered, unconfirmed: 1 }, waitsMs: ownDelays },
    {
      title: 'no answer to telemetry',
      plan: [undefined, { kind: 'hang' }],
      first: { delivered: 2, missing: 1 },
      waitsMs: [],
    },
    {
      title: 'no answer to anything',
      plan: () => ({ kind: 'hang' }),
      first: { ...noneDelivered, unconfirmed: 1 },
      waitsMs: [],
    },
    {
      title: 'no answer to the error',
      plan: [{ kind: 'hang' }],
      first: { delivered: 2, waiting: 1, unconfirmed: 1, missing: 1 },
    },
    { title: 'slow answers', plan: () => ({ kind: 'slow', delayMs: 5 }), first: { delivered: 3 } },
    {
      title: 'a reset before telemetry was stored',
      plan: [undefined, { kind: 'reset', when: 'before' }],
      first: { delivered: 3 },
      waitsMs: [250],
    },
    {
      title: 'a reset after telemetry was stored',
      plan: [undefined, { kind: 'reset', when: 'after' }],
      first: { delivered: 3 },
      waitsMs: [250],
      twice: 1,
    },
    {
      title: 'a reset before the error was stored',
      plan: [{ kind: 'reset', when: 'before' }],
      first: { delivered: 2, waiting: 1, unconfirmed: 1, missing: 1 },
    },
    {
      title: 'a reset after the error was stored',
      plan: [{ kind: 'reset', when: 'after' }],
      first: { delivered: 2, waiting: 1, unconfirmed: 1, missing: 1 },
    },
    {
      title: 'a redirect',
      plan: () => ({ kind: 'redirect', location: 'https://elsewhere.example' }),
      first: noneDelivered,
      waitsMs: [],
    },
    { title: '403', plan: () => down(403), first: noneDelivered, waitsMs: [] },
    { title: '400 from something between us and Metrist', plan: () => down(400), first: noneDelivered, waitsMs: [] },
    {
      title: 'a proxy’s page',
      plan: () => ({ kind: 'answer', status: 200, body: '<html>' }),
      first: { ...noneDelivered, unconfirmed: 1 },
      waitsMs: [],
    },
  ];

  test.for(faults)('$title: nothing is lost, no error arrives twice', async ({ plan, first, waitsMs, twice = 0 }) => {
    const {
      standIn,
      clock,
      deliver: run,
      waitsMs: waited,
      files,
    } = await setUpDelivery({
      api: { requestTimeoutMs: 300 },
    });
    standIn.behave(plan);
    const outcome = await run(failedRun);
    expect(outcome).toMatchObject(report({ own: 3, ...first }));
    if (waitsMs !== undefined) expect(waited).toEqual(waitsMs);
    expect((await files()).length).toBe(outcome.waiting);
    expect(standIn.telemetry).toHaveLength(outcome.delivered - (outcome.waiting === 0 ? 1 : 0) + twice);

    standIn.behave([]);
    clock.advance(2 * minuteMs);
    expect(await run([])).toEqual(report({ delivered: outcome.waiting }));
    expect(arrived(standIn.errors)).toEqual(['AddUserToGroup 2026-11-22T11:59:58.312000']);
    expect([...standIn.swallowed, ...standIn.problems, ...(await files())]).toEqual([]);
  });

  test('413 concerns one result: it is given up and counted, and the others arrive', async () => {
    const { standIn, files, deliver: run } = await setUpDelivery();
    standIn.behave([{ kind: 'answer', status: 413 }]);
    expect(await run(failedRun)).toMatchObject(report({ own: 3, delivered: 2, refused: 1, missing: 1 }));
    expect(await files()).toEqual([]);
  });

  test('nobody listens: the retries wait less than five seconds in all, and the errors stay in the outbox', async () => {
    const { closeMetrist, deliver: run, waitsMs } = await setUpDelivery();
    await run([failure('CreateUser', '11:50:00')], { api: await deniedApi() });
    await closeMetrist();
    expect(await run(failedRun)).toMatchObject(report({ own: 3, waiting: 2, missing: 3 }));
    expect(waitsMs.reduce((sum, ms) => sum + ms)).toBeLessThan(5000);
  });

  test('if Metrist does not say whether one error arrived, it is not asked about the others, and the run’s own results arrive', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    for (const time of ['11:50:00', '11:52:00', '11:54:00']) {
      standIn.behave([{ kind: 'reset', when: 'after' }]);
      await run([failure('CreateUser', time)]);
    }
    clock.advance(5 * minuteMs);
    standIn.behave((request) => (request.method === 'GET' ? { kind: 'answer', status: 500 } : undefined));
    const before = standIn.requests.length;
    expect(await run([telemetry('CreateUser')])).toEqual(report({ own: 1, delivered: 1, waiting: 3, unconfirmed: 3 }));
    expect(standIn.requests.slice(before).map(({ method }) => method)).toEqual(['GET', 'POST']);
    standIn.behave([]);
    clock.advance(minuteMs);
    expect(await run()).toEqual(report({ delivered: 3 }));
    expect(standIn.errors).toHaveLength(3);
  });

  test('a failure to deliver earlier errors does not keep the run’s own results from arriving', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    standIn.behave((request) => (isError(request) ? { kind: 'answer', status: 403 } : undefined));
    await run([failure('CreateUser')]);
    clock.advance(2 * minuteMs);
    expect(await run([telemetry('CreateUser')])).toMatchObject({ delivered: 1, waiting: 1, missing: 0 });
  });

  test('earlier errors take no more than their share of the time', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    const api = await deniedApi();
    for (let index = 0; index < 5; index++) await run([failure('CreateUser', `11:5${index}:00`)], { api });
    standIn.behave((request) => {
      if (isError(request)) clock.advance(15_000);
      return undefined;
    });
    expect(await run([telemetry('CreateUser')])).toEqual(
      report({ own: 1, delivered: 3, waiting: 3, reason: 'there was no time left for them' }),
    );
  });

  test('a Metrist that hangs is tried with three earlier errors, then with the run’s own results', async () => {
    const { standIn, deliver: run } = await setUpDelivery();
    const denied = await deniedApi();
    for (let index = 0; index < 5; index++) await run([failure('CreateUser', `11:5${index}:00`)], { api: denied });
    standIn.behave(() => ({ kind: 'hang' }));
    const api = createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', requestTimeoutMs: 50 });
    expect(await run([telemetry('CreateUser')], { api })).toMatchObject({ missing: 1, waiting: 5, unconfirmed: 3 });
    expect(standIn.requests.map(({ path: asked }) => asked.split('/').at(-1))).toEqual([
      'error',
      'error',
      'error',
      'telemetry',
    ]);
  });

  test('after the deadline nothing is sent, and Metrist is asked later about the error that was being sent', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    const deadline = new AbortController();
    standIn.behave((request) => {
      if (!isError(request)) return undefined;
      deadline.abort();
      return { kind: 'hang' };
    });
    const results = [telemetry('CreateUser'), failure('CreateGroup')];
    expect(await run(results, { signal: deadline.signal })).toMatchObject({ missing: 2, waiting: 1, unconfirmed: 1 });
    expect(standIn.requests).toHaveLength(1);
    standIn.behave([]);
    clock.advance(minuteMs);
    await run();
    expect(standIn.errors).toHaveLength(1);
  });

  test('without any time left nothing is sent, and the next run can send the error at once', async () => {
    const { standIn, deliver: run } = await setUpDelivery();
    expect(await run(failedRun, { signal: AbortSignal.abort() })).toEqual(
      report({ own: 3, missing: 3, waiting: 1, reason: 'there was no time left for them' }),
    );
    expect(standIn.requests).toEqual([]);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(standIn.requests.map(({ method }) => method)).toEqual(['POST']);
  });

  test('after a deadline between two attempts there is no further attempt', async () => {
    const { standIn, deliver: run, files } = await setUpDelivery();
    const deadline = new AbortController();
    standIn.behave(() => ({ kind: 'answer', status: 500 }));
    const wait = () => Promise.resolve(deadline.abort());
    const results = [telemetry('CreateUser'), failure('CreateGroup')];
    expect(await run(results, { signal: deadline.signal, wait })).toMatchObject({ waiting: 1, unconfirmed: 0 });
    expect(standIn.requests).toHaveLength(1);
    expect((await files()).join(' ')).not.toContain('sent');
  });
});

describe('an error whose answer was lost', () => {
  test.for([
    ['that arrived', 'after', 0],
    ['that did not arrive', 'before', 1],
  ] as const)(
    '%s: Metrist is asked once it must show the error, which is sent again only if it is absent',
    async ([, when, more]) => {
      const { standIn, clock, deliver: run } = await setUpDelivery({ msUntilErrorVisible: 30_000 });
      standIn.behave([{ kind: 'reset', when }]);
      expect(await run([failure('CreateUser')])).toMatchObject({ waiting: 1, unconfirmed: 1 });

      // Too early, because Metrist may not show the error yet: nothing is asked and nothing is sent.
      clock.advance(29_000);
      expect(await run()).toEqual(report({ waiting: 1, unconfirmed: 1 }));
      expect(standIn.requests).toHaveLength(1);

      clock.advance(31_000);
      expect(await run()).toEqual(report({ delivered: 1 }));
      expect(standIn.requests.map(({ method }) => method)).toEqual([
        'POST',
        'GET',
        ...Array<string>(more).fill('POST'),
      ]);
      expect(standIn.errors).toHaveLength(1);
    },
  );

  test.for([
    ['sent from memory', true, ['POST', 'GET']],
    ['never sent', false, ['GET', 'POST']],
  ] as const)('%s by a run that died while holding it: the error arrives once', async ([, isSent, methods]) => {
    const { standIn, clock, api, outbox, makeOutbox, deliver: run, files } = await setUpDelivery();
    const result = failure('CreateUser');
    await outbox.hold(result.body);
    if (isSent) await api.post(result, {});
    clock.advance(3 * minuteMs);
    expect(await run([], { outbox: makeOutbox() })).toEqual(report({ delivered: 1 }));
    expect(standIn.requests.map(({ method }) => method)).toEqual(methods);
    expect(standIn.errors).toHaveLength(1);
    expect(await files()).toEqual([]);
  });

  test('waits a minute from its last attempt', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    standIn.behave([{ kind: 'answer', status: 429, headers: { 'x-ratelimit-reset': '5' } }, { kind: 'hang' }]);
    const api = createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', requestTimeoutMs: 50 });
    await run([failure('CreateUser')], { api, wait: () => Promise.resolve(clock.advance(50_000)) });
    clock.advance(30_000);
    expect(await run()).toMatchObject({ unconfirmed: 1 });
    expect(standIn.requests).toHaveLength(2);
  });

  test('waits if the clock was put back', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    standIn.behave([{ kind: 'reset', when: 'after' }]);
    await run([failure('CreateUser')]);
    clock.advance(-60 * minuteMs);
    expect(await run()).toEqual(report({ waiting: 1, unconfirmed: 1 }));
    clock.advance(62 * minuteMs);
    await run();
    expect(standIn.errors).toHaveLength(1);
  });
});

describe('a clock that is wrong', () => {
  const dayMs = 86_400_000;

  test.for([
    ['three days ahead', 3 * dayMs],
    ['a few seconds ahead', 7_000],
  ] as const)('%s when an error was sent delays that error by a minute, not longer', async ([, aheadMs]) => {
    const { standIn, clock, setClockWrong, deliver: run } = await setUpDelivery();
    standIn.behave([{ kind: 'reset', when: 'before' }]);
    setClockWrong(aheadMs);
    await run([failure('CreateUser')]);
    setClockWrong(0);
    // It is unknown when the error was sent, so the minute starts now.
    expect(await run()).toEqual(report({ waiting: 1, unconfirmed: 1 }));
    expect(standIn.requests).toHaveLength(1);
    clock.advance(minuteMs);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(standIn.errors).toHaveLength(1);
  });

  test('and is set forward right after an error was sent: Metrist is not asked too early', async () => {
    const { standIn, clock, setClockWrong, deliver: run } = await setUpDelivery({ msUntilErrorVisible: 30_000 });
    standIn.behave([{ kind: 'reset', when: 'after' }]);
    setClockWrong(-50 * 365 * dayMs);
    await run([failure('CreateUser')]);
    setClockWrong(0);
    expect(await run()).toEqual(report({ waiting: 1, unconfirmed: 1 }));
    clock.advance(minuteMs);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(standIn.errors).toHaveLength(1);
  });

  test.for([
    ['ahead', 400 * dayMs],
    ['behind', -400 * dayMs],
  ] as const)('a year %s drops no waiting error', async ([, wrongByMs]) => {
    const { standIn, setClockWrong, deliver: run } = await setUpDelivery();
    await run([failure('CreateUser')], { api: await deniedApi() });
    setClockWrong(wrongByMs);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(arrived(standIn.errors)).toEqual(['CreateUser 2026-11-22T11:59:58.312000']);
  });

  test('and jumps during a delivery: the earlier errors keep their time', async () => {
    const { standIn, setClockWrong, deliver: run } = await setUpDelivery();
    const api = await deniedApi();
    for (let index = 0; index < 3; index++) await run([failure('CreateUser', `11:5${index}:00`)], { api });
    standIn.behave(() => {
      setClockWrong(dayMs);
      return undefined;
    });
    expect(await run()).toEqual(report({ delivered: 3 }));
  });
});

describe('what waits in the outbox', () => {
  test('is only errors: telemetry that was not delivered is never sent by a later run', async () => {
    const { standIn, deliver: run, files } = await setUpDelivery();
    expect(await run(failedRun, { api: await deniedApi() })).toMatchObject({ own: 3, missing: 3, waiting: 1 });
    expect(await files()).toHaveLength(1);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(standIn.telemetry).toEqual([]);
  });

  test('is limited to 5,000 errors: older ones are dropped and counted, even while Metrist is down', async () => {
    const { dir, files, deliver: run } = await setUpDelivery();
    await mkdir(dir, { recursive: true });
    for (let index = 0; index < 5_300; index++) {
      const name = `20261122T100000000-${index.toString(16).padStart(8, '0')}.json`;
      await writeFile(path.join(dir, name), JSON.stringify(failure(`Check${index}`)));
    }
    expect(await run([], { api: await deniedApi() })).toMatchObject({ dropped: 300, waiting: 5_000 });
    expect((await files())[0]).toBe(`20261122T100000000-${(300).toString(16).padStart(8, '0')}.json`);
  }, 30_000);
});

describe('a disk', () => {
  test('that is full: the error is sent from memory, and the report says so', async () => {
    const { standIn, dir, deliver: run } = await setUpDelivery();
    await mkdir(path.dirname(dir), { recursive: true });
    await writeFile(dir, 'a file where the directory should be');
    expect(await run(failedRun)).toEqual(
      report({ own: 3, delivered: 3, diskProblem: expect.stringMatching(/EEXIST|ENOTDIR/) as unknown as string }),
    );
    expect([...standIn.telemetry, ...standIn.errors]).toHaveLength(3);
  });

  test('that is full while Metrist is down: the lost error is counted', async () => {
    const { closeMetrist, dir, deliver: run } = await setUpDelivery();
    await writeFile(dir, 'a file where the directory should be');
    await closeMetrist();
    expect(await run(failedRun)).toMatchObject(report({ own: 3, lost: 1, missing: 3 }));
  });

  test('that is full: the error is sent even if Metrist takes no telemetry', async () => {
    const { standIn, dir, deliver: run } = await setUpDelivery();
    await writeFile(dir, 'a file where the directory should be');
    standIn.behave((request) => (isError(request) ? undefined : { kind: 'answer', status: 403 }));
    expect(await run(failedRun)).toMatchObject({ delivered: 1, missing: 2, lost: 0 });
    expect(standIn.errors).toHaveLength(1);
  });

  test.for([
    ['EACCES', { foreign: 1 }],
    ['EPERM', { foreign: 1 }],
    ['EROFS', { waiting: 1, diskProblem: 'EROFS' }],
  ] as const)(
    'on which an error cannot be renamed (%s): it is never sent, because it could not be removed either',
    async ([code, expected]) => {
      const { standIn, deliver: run, outbox, files } = await setUpDelivery();
      await run([failure('CreateUser', '11:50:00')], { api: await deniedApi() });
      const broken = brokenOutbox(outbox, code, ['markSent', 'remove']);
      for (let runs = 0; runs < 3; runs++) {
        expect(await run([telemetry('CreateUser')], { outbox: broken })).toEqual(
          report({ own: 1, delivered: 1, ...expected }),
        );
      }
      expect(standIn.errors).toEqual([]);
      expect(standIn.telemetry).toHaveLength(3);
      expect(await files()).toHaveLength(1);
    },
  );

  test('on which a sent error cannot be renamed: Metrist is not even asked about it', async () => {
    const { standIn, clock, deliver: run, outbox } = await setUpDelivery();
    standIn.behave([{ kind: 'reset', when: 'before' }]);
    await run([failure('CreateUser')]);
    clock.advance(minuteMs);
    const broken = brokenOutbox(outbox, 'EACCES', ['markSent', 'remove']);
    expect(await run([], { outbox: broken })).toEqual(report({ foreign: 1 }));
    expect(standIn.requests).toHaveLength(1);
  });

  test('on which a delivered error cannot be removed: Metrist is asked about it later, and it is not sent again', async () => {
    const { standIn, clock, deliver: run, outbox, files } = await setUpDelivery();
    const stuck = brokenOutbox(outbox, 'EROFS', ['remove']);
    expect(await run([failure('CreateUser')], { outbox: stuck })).toMatchObject({ delivered: 1 });
    clock.advance(2 * minuteMs);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(standIn.errors).toHaveLength(1);
    expect(await files()).toEqual([]);
  });

  test('on which an error cannot be put back: Metrist is asked about it before it is sent again', async () => {
    const { standIn, clock, deliver: run, outbox } = await setUpDelivery();
    standIn.behave(() => ({ kind: 'answer', status: 403 }));
    const stuck = brokenOutbox(outbox, 'EROFS', ['putBack']);
    expect(await run([failure('CreateUser')], { outbox: stuck })).toMatchObject({ waiting: 1, unconfirmed: 1 });
    standIn.behave([]);
    clock.advance(minuteMs);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(standIn.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'POST']);
  });

  test('with broken files in the outbox: they are set aside and counted, other files stay, and the delivery goes on', async () => {
    const { standIn, deliver: run, dir, files } = await setUpDelivery();
    await run([failure('DeleteUser')], { api: await deniedApi() });
    const valid = JSON.stringify(failure('CreateUser'));
    const contents = [
      valid.slice(0, -20),
      '',
      JSON.stringify(telemetry('CreateUser')),
      valid.replace('.312000', '.312'),
      'null',
      '{"kind":"error"}',
    ];
    const nameOf = (index: number) => `20261122T100000000-0000000${index}.json`;
    for (const [index, content] of contents.entries()) await writeFile(path.join(dir, nameOf(index)), content);
    await mkdir(path.join(dir, nameOf(9)));
    await writeFile(path.join(dir, 'README'), 'not an error');
    expect(await run([telemetry('DeleteUser')])).toEqual(report({ own: 1, delivered: 2, corrupt: 7 }));
    expect(standIn.errors).toHaveLength(1);
    expect(await files()).toEqual(['README', ...contents.map((_, index) => `corrupt/${nameOf(index)}`)]);
    expect(await run()).toEqual(report());
  });

  test('on which a broken file cannot be set aside: it stays, and the rest is delivered', async () => {
    const { standIn, deliver: run, dir } = await setUpDelivery();
    await run([failure('DeleteUser')], { api: await deniedApi() });
    await writeFile(path.join(dir, '20261122T100000000-00000000.json'), '');
    await writeFile(path.join(dir, 'corrupt'), 'a file');
    expect(await run()).toMatchObject({
      delivered: 1,
      corrupt: 0,
      waiting: 1,
      diskProblem: expect.any(String) as unknown,
    });
    expect(standIn.errors).toHaveLength(1);
  });
});

describe('two processes', () => {
  test('deliver from one outbox at the same time: each result arrives once', async () => {
    const { standIn, clock, makeOutbox, deliver: run, files } = await setUpDelivery();
    const api = await deniedApi();
    for (let index = 0; index < 30; index++) {
      await run([failure(`Check${index}`)], { api });
      clock.advance(1);
    }
    const reports = await Promise.all(
      [0, 1, 2, 3].map((index) => run([telemetry(`Own${index}`), failure(`Own${index}`)], { outbox: makeOutbox() })),
    );
    expect(reports.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(38);
    // No other run takes a run's own results, so each run reports whether its own were delivered.
    expect(reports.every(({ own, missing }) => own === 2 && missing === 0)).toBe(true);
    expect(new Set(arrived(standIn.errors)).size).toBe(34);
    expect(standIn.errors).toHaveLength(34);
    expect(standIn.telemetry).toHaveLength(4);
    expect(await files()).toEqual([]);
  });

  test('of which one sleeps so long that the other takes its error: the error is not sent twice', async () => {
    const { standIn, clock, deliver: run } = await setUpDelivery();
    const denied = await deniedApi();
    await run([failure('CreateGroup')], { api: denied });
    const api = {
      ...denied,
      // The machine sleeps during each request. During the first one the other process delivers all errors.
      post: async () => {
        clock.advance(10 * minuteMs);
        await run();
        return { state: 'accepted' } as const;
      },
    };
    expect(await run([telemetry('CreateUser'), failure('DeleteUser')], { api })).toEqual(
      report({ own: 2, delivered: 2, missing: 1, reason: 'another run has taken over the error' }),
    );
    expect(arrived(standIn.errors).toSorted()).toEqual([
      'CreateGroup 2026-11-22T11:59:58.312000',
      'DeleteUser 2026-11-22T11:59:58.312000',
    ]);
  });
});

describe('what an earlier version left', () => {
  /** The outbox of an earlier version at noon, by the paths of the files. */
  const oldOutbox = {
    '20261122T115000000-b8dd794b/00-telemetry.json': telemetry('CreateUser'),
    '20261122T115000000-b8dd794b/01-error.json': failure('CreateGroup', '11:49:58'),
    '20261122T115200000-ef833c9b/01-telemetry.json': telemetry('CreateGroup'),
    '20261122T115200000-ef833c9b/02-error.sent-1795348320000.json': failure('AddUserToGroup', '11:51:58'),
    // Held by a process that was killed, and by one that is still at work.
    '20261122T115400000-00baca57.claim-1795348440000-14348/00-error.json': failure('CreateUser', '11:53:58'),
    '20261122T115959000-f3d2ded5.claim-1795348799000-14348/00-error.json': failure('DeleteUser', '11:59:58'),
  };
  const stillHeld = '20261122T115959000-f3d2ded5.claim-1795348799000-14348/00-error.json';

  async function setUpOldOutbox() {
    const delivery = await setUpDelivery();
    for (const [file, content] of Object.entries(oldOutbox)) {
      await mkdir(path.join(delivery.dir, path.dirname(file)), { recursive: true });
      await writeFile(path.join(delivery.dir, file), `${JSON.stringify(content)}\n`);
    }
    return delivery;
  }

  const checksOf = (rows: readonly Readonly<Record<string, unknown>>[]) => rows.map((row) => row['check_logical_name']);

  test('is sent once if it is an error; its telemetry is removed', async () => {
    const { standIn, clock, deliver: run, dir, files } = await setUpOldOutbox();
    expect(await run()).toEqual(report({ delivered: 3 }));
    expect(checksOf(standIn.errors)).toEqual(['CreateGroup', 'AddUserToGroup', 'CreateUser']);
    // Metrist is asked first about the error that was sent and about the one that the killed process may have sent.
    expect(standIn.requests.map(({ method }) => method)).toEqual(['POST', 'GET', 'POST', 'GET', 'POST']);
    expect(standIn.telemetry).toEqual([]);
    expect(await files()).toEqual([stillHeld]);

    clock.advance(180_000);
    expect(await run()).toEqual(report({ delivered: 1 }));
    expect(await run()).toEqual(report());
    expect(standIn.errors).toHaveLength(4);
    expect(await readdir(dir)).toEqual([]);
  });

  test('is not sent again if it arrived', async () => {
    const { api, standIn, deliver: run } = await setUpOldOutbox();
    await api.post(failure('AddUserToGroup', '11:51:58'));
    await run();
    expect(checksOf(standIn.errors).filter((check) => check === 'AddUserToGroup')).toHaveLength(1);
  });

  test('keeps waiting while Metrist is down', async () => {
    const { closeMetrist, deliver: run } = await setUpOldOutbox();
    await closeMetrist();
    for (const _ of [1, 2]) expect(await run()).toMatchObject({ waiting: 3 });
  });

  test('is sent once by several processes', async () => {
    const { makeOutbox, standIn, deliver: run } = await setUpOldOutbox();
    const reports = await Promise.all([1, 2, 3].map(() => run([], { outbox: makeOutbox() })));
    expect(reports.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(3);
    expect(standIn.errors).toHaveLength(3);
  });

  test('is set aside if it is unreadable, and left alone if it is something else', async () => {
    const { dir, deliver: run, files } = await setUpOldOutbox();
    const runDir = '20261122T115000000-b8dd794b';
    await writeFile(path.join(dir, runDir, '10-error.json'), '{"kind":"err');
    await writeFile(path.join(dir, runDir, 'notes.txt'), 'mine');
    await mkdir(path.join(dir, runDir, '16-error.json'));
    await mkdir(path.join(dir, '20261122T113000000-00000000'));
    expect(await run()).toEqual(report({ delivered: 3, corrupt: 2 }));
    await run();
    expect(await files()).toEqual([`${runDir}/notes.txt`, stillHeld, `corrupt/${runDir}-10-error.json`]);
    expect(await readdir(path.join(dir, 'corrupt'))).toContain(`${runDir}-16-error.json`);
    expect((await readdir(dir)).toSorted()).toEqual([runDir, path.dirname(stillHeld), 'corrupt']);
  });
});

/** A client whose requests are refused with 403, so that every error stays in the outbox. */
async function deniedApi() {
  const { api, standIn } = await setUpDelivery();
  standIn.behave(() => ({ kind: 'answer', status: 403 }));
  return api;
}

/** An outbox on whose disk these changes fail. */
function brokenOutbox(outbox: Outbox, code: string, changes: readonly ('markSent' | 'putBack' | 'remove')[]): Outbox {
  const fail = () => Promise.reject(Object.assign(new Error(code), { code }));
  const broken = Object.fromEntries(changes.map((change) => [change, fail]));
  return {
    hold: async (error: ErrorBody) => ({ ...(await outbox.hold(error)), ...broken }),
    entries: async () => (await outbox.entries()).map((entry) => ({ ...entry, ...broken })),
  } as unknown as Outbox;
}

test('a delivery waits with the timers of Node by default', async () => {
  const { api, outbox, standIn } = await setUpDelivery();
  standIn.behave([{ kind: 'answer', status: 429, headers: { 'x-ratelimit-reset': '0' } }]);
  const signal = new AbortController().signal;
  const held = await holdError([telemetry('CreateUser')], outbox);
  expect(await deliver(held, { api, outbox, elapsedMs: () => 0, signal })).toEqual(report({ own: 1, delivered: 1 }));
});
