import { describe, expect, it } from 'vitest';
import { noonMs, overviewOf, runRecord, type Story } from '../../history/testing/builders.ts';
import { rehearseRuns } from '../../history/testing/rehearsal.ts';
import type { Overview } from '../../history/overview.ts';
import type { RunRecord } from '../../history/run-record.ts';
import type { StepResult } from '../../runner/step-result.ts';
import { blockedStep, failedStep, passedStep, stepError } from '../../runner/testing/builders.ts';
import { formatDuration } from '../../text/duration.ts';
import { renderReport } from './page.ts';
import { all, byId, figureOf, parsePage, rowsOf, type PageElement } from './testing/parse-page.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

function render(overview: Overview): string {
  return renderReport(overview, {
    generatedMs: overview.nowMs + 1000,
    version: '1.2.3',
    operations: { AttachPolicy: 'AttachUserPolicy' },
  });
}

function pageOf(overview: Overview): PageElement {
  return parsePage(render(overview));
}

/** The last days before noon. */
function lastDays(days: number): Pick<Overview, 'nowMs' | 'window'> {
  return { nowMs: noonMs, window: { fromMs: noonMs - days * dayMs, toMs: noonMs } };
}

/** Runs every two minutes, the last of them two minutes before noon. */
function runsOf(...stories: readonly Story[]): RunRecord[] {
  return stories.map((story, index) => runRecord(noonMs - (stories.length - index) * 2 * minuteMs, story));
}

const passed: Story = { kind: 'passed' };
const theirs: Story = { kind: 'theirs', at: 1 };
const ours: Story = { kind: 'ours', at: 0 };

/** A run of one step with the given texts from outside. */
function hostileRun(text: string): RunRecord {
  const step = failedStep({
    name: text,
    evidence: { requestId: text, attempts: 2, resolution: text },
    error: stepError({ code: text, message: text, advice: text }),
  });
  return {
    ...runRecord(noonMs - 2 * minuteMs, theirs),
    monitor: text,
    instance: text,
    namespace: text,
    region: text,
    testUser: text,
    steps: [step, blockedStep({ name: `${text} 2`, reason: text })],
    problems: [{ kind: 'hook', message: text }],
    leftovers: [{ entity: text, reason: text, command: text }],
    warnings: [text],
  };
}

const hostileText = `</title></svg></style></pre><script>alert(1)</script><img src=x onerror="alert(1)"> & ' " \u0000\u001b[31m\u202e\ud800 ]]> `;

const week = [...rehearseRuns({ endMs: noonMs, days: 7 })];
const weekOverview = overviewOf(week, lastDays(7));
const weekMarkup = render(weekOverview);
const weekPage = parsePage(weekMarkup);

const pages: readonly (readonly [name: string, markup: string])[] = [
  ['no runs', render(overviewOf([], lastDays(7)))],
  ['one run', render(overviewOf(runsOf(passed), lastDays(7)))],
  ['one failed run', render(overviewOf(runsOf(theirs), lastDays(1)))],
  [
    'a run without a step',
    render(overviewOf([{ ...runRecord(noonMs - hourMs, passed), state: 'failed', steps: [] }], lastDays(1))),
  ],
  ['a day', render(overviewOf(week.slice(-720), lastDays(1)))],
  ['a week', weekMarkup],
  [
    'a window without length',
    render(overviewOf(runsOf(passed), { nowMs: noonMs, window: { fromMs: noonMs, toMs: noonMs } })),
  ],
  ['a rehearsal', render(overviewOf(runsOf(passed, theirs, theirs), { ...lastDays(1), mode: 'offline' }))],
  [
    'hostile texts',
    render(
      overviewOf([hostileRun(hostileText)], { ...lastDays(1), problems: [hostileText], otherInstances: [hostileText] }),
    ),
  ],
];

describe.each(pages)('the page of %s', (_name, markup) => {
  const page = parsePage(markup);

  it('has no script, no style attribute, no image and nothing that is loaded from elsewhere', () => {
    const names = new Set(page.inner.map(({ name }) => name));
    for (const name of ['script', 'img', 'link', 'iframe', 'object', 'image', 'use', 'foreignObject', 'base', 'form']) {
      expect(names).not.toContain(name);
    }
    const attributes = page.inner.flatMap((element) => Object.entries(element.attributes));
    const wrong = attributes.filter(([name, value]) => {
      if (name === 'fill' || name === 'stroke') return !/^(?:none|#[0-9a-f]{6}|url\(#no-runs\))$/.test(value);
      if (name === 'src' || name === 'href' || name === 'action') return !value.startsWith('#');
      return name === 'style' || name.startsWith('on') || name.includes(':');
    });
    expect(wrong).toEqual([]);
    const [style] = all(page, 'style');
    expect(style?.text).not.toMatch(/@import|url\(|expression/);
  });

  it('has each id once, and every reference leads to one', () => {
    const ids = page.inner.flatMap(({ attributes }) => attributes['id'] ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const references = page.inner.flatMap(({ attributes }) => [
      ...(attributes['aria-labelledby']?.split(' ') ?? []),
      ...(attributes['href'] === undefined ? [] : [attributes['href'].slice(1)]),
    ]);
    expect(references.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('has a language, one main part, and headings that skip no level', () => {
    expect(page.attributes['lang']).toBe('en');
    expect(all(page, 'main')).toHaveLength(1);
    const levels = page.inner.filter(({ name }) => /^h[1-6]$/.test(name)).map(({ name }) => Number(name.slice(1)));
    expect(levels[0]).toBe(1);
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
  });

  it('describes each picture, and shows its numbers in a table', () => {
    for (const figure of all(page, 'figure')) {
      const picture = all(figure, 'svg').find(({ attributes }) => attributes['role'] === 'img');
      expect(picture?.inner.slice(0, 2).map(({ name }) => name)).toEqual(['title', 'desc']);
      expect(picture?.inner[1]?.text).not.toBe('');
      expect(all(figure, 'details').flatMap((details) => all(details, 'table'))).not.toHaveLength(0);
    }
    const pictures = all(page, 'svg').filter(({ attributes }) => attributes['aria-hidden'] !== 'true');
    expect(pictures).toHaveLength(all(page, 'figure').length);
  });

  it('draws with numbers only', () => {
    const drawn = all(page, 'path').map(({ attributes }) => attributes['d']);
    expect(drawn.filter((d) => d === undefined || /NaN|Infinity|undefined/.test(d))).toEqual([]);
    const sizes = page.inner
      .filter(({ name }) => name === 'rect' || name === 'text')
      .flatMap(({ attributes }) => ['x', 'y', 'width', 'height'].map((name) => Number(attributes[name] ?? 0)));
    expect(sizes.filter((size) => !(size >= 0))).toEqual([]);
    expect(page.text).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
});

describe('the top of the page', () => {
  const slowRuns = Array.from({ length: 24 }, (): Story => passed);
  const slow: Story = { kind: 'passed', durationMs: 5000 };
  it.each<[string, Overview, RegExp, RegExp]>([
    [
      'up',
      overviewOf(runsOf(passed, passed), lastDays(1)),
      /^IAM is up$/,
      /^The 3 steps work\. Up since 2026-11-22 11:56 UTC \(3 min\)\.$/,
    ],
    [
      'up after one failure',
      overviewOf(runsOf(passed, passed, theirs), lastDays(1)),
      /^IAM is up$/,
      /one failure alone does not change the state/,
    ],
    [
      'degraded',
      overviewOf(runsOf(...slowRuns, slow, slow, slow), lastDays(1)),
      /^IAM is degraded$/,
      /CreateUser, CreateGroup and DeleteUser took more than five times as long/,
    ],
    [
      'issues',
      overviewOf(runsOf(passed, theirs, theirs), lastDays(1)),
      /^IAM has issues$/,
      /^A part of IAM does not work: CreateGroup down, DeleteUser blocked\. .* Issues since/,
    ],
    [
      'down',
      overviewOf(runsOf(passed, { kind: 'theirs', at: 0 }, { kind: 'theirs', at: 0 }), lastDays(1)),
      /^IAM is down$/,
      /^IAM does not work, .* Down since/,
    ],
    [
      'blind',
      overviewOf(runsOf(passed, ours, ours), lastDays(1)),
      /^The monitor is blind$/,
      /^The monitor runs, but failures on our side keep it from looking at .* IAM may be up or down\./,
    ],
    [
      'without fresh data',
      overviewOf(runsOf(passed), { nowMs: noonMs + dayMs, window: { fromMs: noonMs, toMs: noonMs + dayMs } }),
      /^There is no fresh data$/,
      /IAM may be up or down\. .* No fresh data since 2026-11-22 12:04 UTC \(23 h 55 min\)\.$/,
    ],
    ['without any run', overviewOf([], lastDays(1)), /^There has been no run yet$/, /Start one/],
  ])('says in a sentence that IAM is %s, and since when', (_state, overview, headline, sentence) => {
    const page = pageOf(overview);
    expect(all(page, 'h1')[0]?.text).toMatch(headline);
    expect(page.inner.find(({ attributes }) => attributes['class'] === 'lead')?.text).toMatch(sentence);
    expect(all(page, 'title')[0]?.text).toContain(all(page, 'h1')[0]?.text);
  });

  it('names the monitor, the instance, where it runs, the time of the report, and when it was made', () => {
    const { text } = weekPage.inner.find(({ attributes }) => attributes['class'] === 'where') ?? weekPage;
    expect(text).toBe(
      'awsiam at us-east-1 · namespace prod · region us-east-1 · account 123456789012 2026-11-15 12:00 UTC to 2026-11-22 12:00 UTC · generated 2026-11-22 12:00 UTC',
    );
  });

  it('shows no figures where there are none', () => {
    expect(render(overviewOf([], lastDays(1)))).not.toMatch(/0 of 0|key-figures"/);
    expect(render(overviewOf(runsOf(passed), lastDays(1)))).toMatch(/key-figures"/);
  });

  it('says in the first line that the runs are a rehearsal', () => {
    const page = pageOf(overviewOf(runsOf(passed), { ...lastDays(1), mode: 'offline' }));
    expect(all(page, 'body')[0]?.text).toMatch(/^This is a rehearsal\. Its runs were offline, over a mock\./);
    expect(all(page, 'title')[0]?.text).toMatch(/^Rehearsal: /);
    expect(weekPage.text).not.toContain('rehearsal.');
  });

  it('says where Metrist’s answer differs, and why', () => {
    expect(render(overviewOf(runsOf(passed, ours, ours), lastDays(1)))).toContain(
      'Metrist&#39;s rules say down: they count failures on our side as errors.',
    );
    const silent = overviewOf(runsOf(passed), { nowMs: noonMs + hourMs });
    expect(render(silent)).toContain('Metrist&#39;s rules say up: for them, silence changes nothing.');
    expect(render({ ...silent, mode: 'offline' })).not.toContain('rules say');
    expect(weekMarkup).not.toContain('rules say');
  });

  it('shows availability and coverage with what they are made of', () => {
    // 2 of 3 runs with an answer passed; the last of 4 runs could not look.
    const page = pageOf(
      overviewOf(runsOf(passed, theirs, passed, ours), {
        nowMs: noonMs,
        window: { fromMs: noonMs - dayMs, toMs: noonMs },
      }),
    );
    const figures = page.inner.find(({ attributes }) => attributes['class'] === 'key-figures');
    expect(figures?.text).toContain('Availability of whole runs 66.66 % 2 of 3 runs with IAM’s answer passed');
    expect(figures?.text).toContain('Coverage 75 % could look for 6 of 8 min');
    expect(figures?.text).toContain('1 failed on IAM’s side, 1 on ours, 0 interrupted');
  });
});

describe('the failure of the last run', () => {
  it('stands at the top with verdict, side, message, advice and what AWS support asks for', () => {
    const run = {
      ...runRecord(noonMs - 2 * minuteMs, theirs, {
        region: 'us-east-1',
        account: '123456789012',
        testUser: 'testuser-prod-1-a',
      }),
    };
    const first = runRecord(noonMs - 4 * minuteMs, theirs);
    const page = pageOf(overviewOf([first, run], lastDays(1)));
    const [section] = all(page, 'section');
    expect(section?.text).toMatch(
      /^The last run failed CreateGroup failed on IAM&#39;s side in the run of 2026-11-22 11:58 UTC\. Verdict: service/,
    );
    expect(section?.text).toContain('The request processing has failed.');
    expect(section?.text).toContain(
      'What to do AWS answered with an error of its own. Check the AWS Health Dashboard.',
    );
    const [support, cloudTrail] = all(section ?? page, 'pre');
    expect(support?.text.split('\n')).toEqual([
      'Service:      AWS Identity and Access Management (IAM)',
      'Operation:    CreateGroup',
      'Account:      123456789012',
      'Region:       us-east-1',
      'Started:      2026-11-22T11:58:00.000Z',
      'Ended:        2026-11-22T11:58:00.100Z',
      'Error:        ServiceFailure, HTTP 500',
      'Request id:   6b7f9f3e-0000-4000-8000-000000000002',
      'Attempts:     3, with 180 ms of waiting between them',
      'Same failure: 2 times, first at 2026-11-22T11:56:00.000Z',
      'Earlier ones: 2026-11-22T11:56:00.000Z 6b7f9f3e-0000-4000-8000-000000000002',
    ]);
    expect(cloudTrail?.text).toBe(`aws cloudtrail lookup-events --region us-east-1 \\
  --lookup-attributes AttributeKey=ResourceName,AttributeValue=testuser-prod-1-a \\
  --start-time 2026-11-22T11:57:58Z --end-time 2026-11-22T11:58:03Z

aws cloudtrail lookup-events --region us-east-1 \\
  --lookup-attributes AttributeKey=EventName,AttributeValue=CreateGroup \\
  --start-time 2026-11-22T11:57:58Z --end-time 2026-11-22T11:58:03Z`);
  });

  it.each([
    ['eu-west-1', 'us-east-1'],
    ['us-gov-east-1', 'us-gov-west-1'],
    ['cn-northwest-1', 'cn-north-1'],
  ])('looks for the events of %s in %s, where CloudTrail has those of IAM', (region, home) => {
    expect(render(overviewOf([runRecord(noonMs - 2 * minuteMs, theirs, { region })], lastDays(1)))).toContain(
      `lookup-events --region ${home} `,
    );
  });

  it('names the IAM operation of a step with another name', () => {
    const run = { ...runRecord(noonMs - 2 * minuteMs, theirs), steps: [failedStep({ name: 'AttachPolicy' })] };
    expect(render(overviewOf([run], lastDays(1)))).toContain('AttributeKey=EventName,AttributeValue=AttachUserPolicy');
  });

  it('puts no text into a command that a shell could misread', () => {
    const run = { ...hostileRun('$(reboot)'), testUser: '$(reboot)' };
    const commands = all(pageOf(overviewOf([run], lastDays(1))), 'pre').at(-1)?.text;
    expect(commands).toContain('AttributeValue=unknown');
    expect(commands).not.toContain('reboot');
  });

  it('is on our side if the verdict says so, and no support case then', () => {
    const [section] = all(pageOf(overviewOf(runsOf(passed, ours), lastDays(1))), 'section');
    expect(section?.text).toContain('CreateUser failed on our side');
    expect(section?.text).not.toContain('support case');
  });

  it('is a problem of the monitor if no step failed', () => {
    const run: RunRecord = {
      ...runRecord(noonMs - 2 * minuteMs, passed),
      state: 'failed',
      problems: [{ kind: 'unhandled', message: 'a promise was rejected' }],
    };
    const [section] = all(pageOf(overviewOf([run], lastDays(1))), 'section');
    expect(section?.text).toContain(
      'The monitor has a problem (unhandled). This is on our side. a promise was rejected',
    );
  });

  it('is the newest one while the state is bad, and absent after that', () => {
    const bad = pageOf(overviewOf(runsOf(passed, theirs, theirs, { kind: 'interrupted', at: 0 }), lastDays(1)));
    expect(byId(bad, 'failure').text).toBe('The newest failure');
    expect(() => byId(weekPage, 'failure')).toThrow('no element');
  });
});

/** What the runs say about a step, counted without the code of the project. */
function countIndependently(runs: readonly RunRecord[], name: string) {
  const results = runs.flatMap(({ steps }) => steps.filter((step) => step.name === name));
  const times = results.flatMap((step) => (step.state === 'passed' ? [step.durationMs] : [])).toSorted((a, b) => a - b);
  const quantile = (share: number): string =>
    formatDuration(times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? NaN);
  const oursVerdicts = new Set<string>(['credentials', 'permission', 'quota', 'configuration', 'monitor']);
  const failed = results.flatMap((step) => (step.state === 'failed' ? [step.error.verdict] : []));
  const failedOurs = failed.filter((verdict) => oursVerdicts.has(verdict)).length;
  const evidence = results.flatMap((step) => (step.state === 'blocked' ? [] : [step.evidence]));
  return {
    runs: results.length,
    passed: times.length,
    times,
    quantile,
    failedOurs,
    failedTheirs: failed.length - failedOurs,
    blocked: results.filter(({ state }) => state === 'blocked').length,
    interrupted: results.filter(({ state }) => state === 'interrupted').length,
    propagationMs: Math.max(0, ...evidence.map(({ propagationMs = 0 }) => propagationMs)),
    extra: evidence.reduce((sum, { attempts = 0 }) => sum + Math.max(0, attempts - 1), 0),
    throttled: evidence.reduce(
      (sum, { tries = [] }) => sum + tries.filter(({ throttled }) => throttled === true).length,
      0,
    ),
  };
}

const names = week[0]?.steps.map(({ name }) => name) ?? [];
const thousands = (count: number): string => String(count).replace(/(\d)(?=(\d{3})+$)/g, '$1,');

describe('the figures of a week with incidents', () => {
  it('shows each step with its state, times and availability', () => {
    const rows = rowsOf(weekPage, 'Each step now');
    expect(rows.map((row) => row['step'])).toEqual(names);
    for (const row of rows) {
      const counted = countIndependently(week, row['step'] ?? '');
      expect(row['median']).toBe(counted.quantile(0.5));
      expect(row['p95']).toBe(counted.quantile(0.95));
      expect(row['availability']).toMatch(
        new RegExp(`% ${thousands(counted.passed)} of ${thousands(counted.passed + counted.failedTheirs)}$`),
      );
      expect(row['state']).toMatch(/^up since 2026-11-20 /);
    }
    expect(rows[0]?.['over time']).toBe('45 failed on our side');
    expect(rows[1]?.['over time']).toBe('30 failed on IAM’s side');
    expect(rows[2]?.['over time']).toBe('never failed');
  });

  it('draws the course of each step beside its figures', () => {
    const table = all(weekPage, 'table').find((each) => each.text.startsWith('Each step now'));
    const pictures = all(table ?? weekPage, 'svg').filter(({ attributes }) => attributes['width'] === '150');
    expect(pictures).toHaveLength(names.length);
    const stepsWith = (stroke: string): string[] =>
      names.filter((_, index) =>
        pictures[index]?.inner.some(({ attributes }) => attributes['class']?.includes(`s-${stroke}`)),
      );
    expect(stepsWith('theirs')).toEqual(['CreateGroup', 'AttachPolicy']);
    expect(stepsWith('ours')).toEqual(['CreateUser']);
    expect(stepsWith('median')).toEqual(names);
    const xOf = (fromStartMs: number): number => (fromStartMs / (7 * dayMs)) * 150;
    for (const { inner } of pictures) {
      // The host was off from hour 50 to hour 53.
      const gap = inner.find(({ name }) => name === 'rect')?.attributes;
      expect(Number(gap?.['x'])).toBeCloseTo(xOf(50 * hourMs), 0);
      expect(Number(gap?.['width'])).toBeCloseTo(xOf(3 * hourMs), 0);
      const line = inner.find(({ attributes }) => attributes['class']?.includes('s-median'))?.attributes['d'] ?? '';
      const points = [...line.matchAll(/([\d.]+),([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
      // The slow afternoon lasted from hour 108 to hour 113.
      const slow = points.filter(([x]) => x > xOf(108 * hourMs) && x < xOf(113 * hourMs)).map(([, y]) => y);
      const others = points.filter(([x]) => x < xOf(107 * hourMs) || x > xOf(114 * hourMs)).map(([, y]) => y);
      expect(slow).toHaveLength(5);
      expect(Math.max(...slow)).toBeLessThan(Math.min(...others));
    }
  });

  it('lists what was wrong, newest first, with how long it lasted', () => {
    const rows = rowsOf(weekPage, 'Times in which IAM was not up');
    expect(rows.map((row) => [row['state'], row['for'], row['what failed']])).toEqual([
      ['blind', '1 h 30 min', 'CreateUser credentials, 43 runs'],
      ['degraded', '5 h', 'nothing: the steps were slow'],
      ['issues', '1 h', 'CreateGroup service, 28 runs'],
      ['no fresh data', expect.stringMatching(/^2 h 5\d min$/), 'no runs'],
    ]);
    expect(rowsOf(figureOf(weekPage, 'state'), 'All states')).toHaveLength(9);
  });

  it('lists the silence that lasts until now', () => {
    const page = pageOf(
      overviewOf(runsOf(passed, passed), {
        nowMs: noonMs + hourMs,
        window: { fromMs: noonMs - hourMs, toMs: noonMs + hourMs },
      }),
    );
    expect(rowsOf(page, 'Times in which IAM was not up')).toEqual([
      {
        'from (UTC)': '2026-11-22 12:04',
        'until (UTC)': 'now',
        state: 'no fresh data',
        for: '56 min',
        'what failed': 'no runs',
      },
    ]);
  });

  it.each(names.map((name, index) => [name, index + 1] as const))(
    'shows the times and failures of %s in each hour',
    (name, index) => {
      const figure = figureOf(weekPage, `timeline-${index}`);
      const rows = rowsOf(figure, `${name}, 1 h a row`);
      const hours: Partial<Record<string, RunRecord[]>> = Object.groupBy(
        week,
        ({ startedAt }) => `${startedAt.slice(0, 10)} ${startedAt.slice(11, 13)}:00`,
      );
      const orDash = (text: string, isThere: boolean): string => (isThere ? text : '–');
      const expected = Object.entries(hours).map(([from, runs = []]) => {
        const counted = countIndependently(runs, name);
        return {
          'from (UTC)': from,
          runs: String(counted.runs),
          passed: String(counted.passed),
          median: orDash(counted.quantile(0.5), counted.passed > 0),
          p95: orDash(counted.quantile(0.95), counted.passed > 0),
          'failed, IAM’s side': String(counted.failedTheirs),
          'failed, our side': String(counted.failedOurs),
          blocked: String(counted.blocked),
          interrupted: String(counted.interrupted),
          'longest propagation': orDash(formatDuration(counted.propagationMs), counted.propagationMs > 0),
        };
      });
      expect(rows).toEqual(expected);
    },
  );

  it('draws each hour with a median as one point of the line, each wait as a ring, and time without runs as a gap', () => {
    const figure = figureOf(weekPage, 'timeline-3');
    const rows = rowsOf(figure, 'AddUserToGroup');
    const median = all(figure, 'path').find(({ attributes }) => attributes['class'] === 's-median');
    expect(median?.attributes['d']?.split(/[ML]/).filter((point) => point !== '' && point !== 'Z')).toHaveLength(
      rows.filter((row) => row['median'] !== '–').length,
    );
    const rings = all(figure, 'path').find(({ attributes }) => attributes['class'] === 's-propagation');
    expect(rings?.attributes['d']?.split('M').slice(1)).toHaveLength(
      rows.filter((row) => row['longest propagation'] !== '–').length,
    );
    expect(all(figure, 'rect').filter(({ attributes }) => attributes['fill'] === 'url(#no-runs)')).toHaveLength(1);
  });

  it('marks failures on IAM’s side and on ours with different shapes, and blocked and interrupted runs', () => {
    const shapeOf = (chart: string, kind: string): string | undefined =>
      all(figureOf(weekPage, chart), 'path').find(({ attributes }) => attributes['class'] === kind)?.attributes['d'];
    expect(shapeOf('timeline-2', 's-theirs')).toMatch(/^M[\d.]+ [\d.]+l7 7m0-7l-7 7/);
    expect(shapeOf('timeline-1', 's-ours')).toMatch(/^M[\d.]+ [\d.]+l4\.5 4\.5/);
    expect(shapeOf('timeline-1', 's-theirs')).toBeUndefined();
    expect(shapeOf('timeline-3', 's-blocked')).toMatch(/^M[\d.]+ [\d.]+v8/);
    expect(shapeOf('timeline-5', 's-muted')).toMatch(/^M[\d.]+ [\d.]+h6v6h-6z$/);
  });

  it('draws runs of one kind that are close together as one mark', () => {
    const crosses = all(figureOf(weekPage, 'timeline-2'), 'path').find(
      ({ attributes }) => attributes['class'] === 's-theirs',
    );
    // An hour of failed runs, and 50 minutes from one mark to the next.
    expect(crosses?.attributes['d']?.split('M').slice(1)).toHaveLength(2);
  });

  it('says nothing in a chart that does not stand in its table', () => {
    for (const figure of all(weekPage, 'figure')) {
      const table = all(figure, 'details')
        .map(({ text }) => text)
        .join(' ');
      const id = figure.inner.find(({ name }) => name === 'desc')?.attributes['id'] ?? '';
      const labels = all(figure, 'svg')
        .flatMap((svg) => all(svg, 'text'))
        .map(({ text }) => text.replace(/^(?:p50|p95) /, ''))
        .filter(
          (text) =>
            /\d/.test(text) &&
            (id === 'calendar-desc'
              ? text.includes('%')
              : id.startsWith('timeline') && /^\d+(?:\.\d+)? m?s$/.test(text)),
        );
      const axis = new Set(['100 ms', '200 ms', '500 ms', '1 s', '2 s', '5 s', '10 s']);
      const said = all(figure, 'g')
        .flatMap((group) => all(group, 'title'))
        .flatMap(({ text }) => text.match(/(?:median|p95|wait) [\d.]+ (?:ms|s)/g) ?? [])
        .map((text) => text.replace(/^\w+ /, ''));
      const shown = [...labels.filter((label) => !axis.has(label)), ...said];
      expect(shown.filter((text) => !table.includes(text))).toEqual([]);
    }
  });

  it('shows availability and coverage per step and day', () => {
    const rows = rowsOf(weekPage, 'Availability, and coverage below it');
    const days = Object.groupBy(week, ({ startedAt }) => startedAt.slice(0, 10));
    expect(rows.map((row) => row['day'])).toEqual(Object.keys(days));
    for (const row of rows) {
      for (const name of names) {
        const counted = countIndependently(days[row['day'] ?? ''] ?? [], name);
        expect(row[name]).toContain(`% ${counted.passed} of ${counted.passed + counted.failedTheirs} `);
        expect(row[name]).toMatch(/ [\d.]+ % [\d.]+ of (?:12|24) h$/);
      }
    }
    // Three of 24 hours without a run.
    expect(rows.find((row) => row['day'] === '2026-11-17')?.['whole run']).toMatch(/ 87\.\d+ % 21 of 24 h$/);
  });

  it('shows how the times are distributed', () => {
    const figure = figureOf(weekPage, 'distribution');
    for (const row of rowsOf(figure, 'Times of the runs that passed')) {
      const { quantile, times } = countIndependently(week, row['step'] ?? '');
      expect(row).toEqual({
        step: row['step'],
        runs: thousands(times.length),
        shortest: formatDuration(times[0] ?? NaN),
        'median (p50)': quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
        'longest (max)': quantile(1),
      });
    }
    const bins = rowsOf(figure, 'How many runs passed');
    for (const name of names) {
      const sum = bins.reduce((total, row) => total + Number(row[name]?.replace(',', '')), 0);
      expect(sum).toBe(countIndependently(week, name).passed);
    }
  });

  it('lists the slowest runs with their slowest step', () => {
    const expected = week
      .filter(({ state }) => state === 'passed')
      .toSorted((a, b) => b.durationMs - a.durationMs)
      .slice(0, 10)
      .map(({ startedAt, durationMs, steps }) => {
        const ran = steps.flatMap((step) => (step.state === 'passed' ? [step] : []));
        const [slowest] = ran.toSorted((a, b) => b.durationMs - a.durationMs);
        return [
          startedAt.slice(0, 19).replace('T', ' '),
          formatDuration(durationMs),
          `${slowest?.name}, ${formatDuration(slowest?.durationMs ?? NaN)}`,
        ];
      });
    const rows = rowsOf(weekPage, 'The slowest runs');
    expect(rows.map((row) => [row['run (UTC)'], row['whole run'], row['its slowest step']])).toEqual(expected);
  });

  it('groups the failures by step, verdict and code', () => {
    const rows = rowsOf(weekPage, 'Failures by step');
    expect(rows.map((row) => [row['step'], row['verdict'], row['whose side'], row['code'], row['runs']])).toEqual([
      ['CreateUser', 'credentials', 'ours', 'ExpiredToken', '45'],
      ['CreateGroup', 'service', 'IAM’s', 'ServiceFailure', '30'],
      ['AttachPolicy', 'timeout', 'IAM’s', 'TimeoutError', '1'],
    ]);
    expect(rows[0]?.['first (UTC)']).toBe('2026-11-20 15:00');
  });

  it('shows repeated requests and throttling over time', () => {
    const rows = rowsOf(figureOf(weekPage, 'retries'), 'All steps, 1 h a row');
    const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);
    const counted = names.map((name) => countIndependently(week, name));
    expect(sum('requests after the first')).toBe(counted.reduce((total, { extra }) => total + extra, 0));
    expect(sum('throttled')).toBe(counted.reduce((total, { throttled }) => total + throttled, 0));
    expect(sum('throttled')).toBeGreaterThan(0);
  });
});

describe('the notes', () => {
  it('say what could not be read, what is left out, and what a run left behind', () => {
    const run = runRecord(noonMs - 2 * minuteMs, passed, {
      leftovers: [{ entity: 'user testuser-prod-1', reason: 'DeleteUser: ServiceFailure', command: 'npm run cleanup' }],
      warnings: ['the clock is wrong'],
    });
    const page = pageOf(
      overviewOf([run], {
        ...lastDays(1),
        skipped: 2,
        problems: ['2026-11-21.ndjson: EACCES'],
        otherInstances: ['eu'],
      }),
    );
    const notes = all(page, 'li').map(({ text }) => text);
    expect(notes).toEqual(
      expect.arrayContaining([
        '2 lines of the history could not be read as runs and are left out.',
        'A part of the history could not be read: 2026-11-21.ndjson: EACCES.',
        'The same history has runs of other instances, which this report leaves out: eu.',
        'The last run left user testuser-prod-1 behind (DeleteUser: ServiceFailure). Remove it with npm run cleanup',
        'The last run warned: the clock is wrong',
      ]),
    );
  });
});

describe('long and unusual histories', () => {
  it('escapes every text from outside', () => {
    const page = pageOf(
      overviewOf([hostileRun(hostileText)], { ...lastDays(1), problems: [hostileText], otherInstances: [hostileText] }),
    );
    expect(all(page, 'script')).toHaveLength(0);
    expect(page.text).toContain('<script>alert(1)</script>');
    expect(page.text).toContain('␀␛[31m');
    expect(page.text).not.toContain('\u202e');
  });

  it('shows a month in less than a megabyte, with four hours a point', () => {
    const runs = [...rehearseRuns({ endMs: noonMs, days: 30, intervalSecs: 600 })];
    const markup = render(overviewOf(runs, lastDays(30)));
    expect(Buffer.byteLength(markup)).toBeLessThan(1_000_000);
    const page = parsePage(markup);
    expect(rowsOf(page, 'CreateUser, 4 h a row').reduce((sum, row) => sum + Number(row['runs']), 0)).toBe(runs.length);
    expect(rowsOf(page, 'Availability, and coverage below it')).toHaveLength(31);
  });

  it('shows a year in less than a megabyte, with two days a point and a week a cell', () => {
    const runs = [...rehearseRuns({ endMs: noonMs, days: 365, intervalSecs: 7200 })];
    const markup = render(overviewOf(runs, lastDays(365)));
    expect(Buffer.byteLength(markup)).toBeLessThan(1_000_000);
    const page = parsePage(markup);
    expect(rowsOf(page, 'CreateUser, 2 days a row').reduce((sum, row) => sum + Number(row['runs']), 0)).toBe(
      runs.length,
    );
    const weeks = rowsOf(page, 'Availability, and coverage below it').map((row) => row['week from'] ?? '');
    expect(weeks).toHaveLength(53);
    expect(new Set(weeks.slice(1).map((day) => new Date(day).getUTCDay()))).toEqual(new Set([1]));
  });

  it('is not larger when every run fails', () => {
    const failing = week.map((run): RunRecord => ({ ...run, ...runRecord(Date.parse(run.startedAt), theirs) }));
    expect(Buffer.byteLength(render(overviewOf(failing, lastDays(7))))).toBeLessThan(Buffer.byteLength(weekMarkup));
  });

  it('makes no gaps in the lines of a monitor that runs once an hour', () => {
    const hourly = Array.from({ length: 48 }, (_, index) =>
      runRecord(noonMs - (48 - index) * hourMs, passed, { intervalSecs: 3600 }),
    );
    const page = pageOf(overviewOf(hourly, lastDays(2)));
    expect(
      all(figureOf(page, 'timeline-1'), 'rect').filter(({ attributes }) => attributes['fill'] === 'url(#no-runs)'),
    ).toHaveLength(0);
  });

  it.each([1, 3, 20])('shows a monitor with %i steps', (count) => {
    const steps = Array.from({ length: count }, (_, index): StepResult => passedStep({ name: `Step${index}` }));
    const page = pageOf(overviewOf([{ ...runRecord(noonMs - minuteMs, passed), steps }], lastDays(1)));
    expect(rowsOf(page, 'Each step now')).toHaveLength(count);
    expect(all(page, 'figure')).toHaveLength(count + 4);
  });
});
