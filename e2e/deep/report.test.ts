import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, type TestContext } from 'vitest';
import type { RunRecord } from '../../history/run-record.ts';
import { rehearseRuns } from '../../history/testing/rehearsal.ts';
import { writeRuns } from '../../history/testing/write-runs.ts';
import { need } from '../../runner/testing/needs.ts';
import { verdicts } from '../../runner/step-result.ts';
import { formatDuration } from '../../text/duration.ts';
import {
  chromiumPath,
  countColours,
  findBarriers,
  startBrowser,
  watchPage,
  type Part,
  type Watched,
} from '../harness/browser.ts';
import { preload, runAwsiam } from '../harness/run.ts';

/** The page of `awsiam report` in a real browser, which all tests share. */

const endMs = Date.UTC(2026, 10, 22, 18);
const dayMs = 86_400_000;

let browser: Browser | undefined;
let dir: string;
/** The report of the rehearsed history. */
let reportFile: string;
let runs: readonly RunRecord[];

/** Makes a report of runs with the real command, at the end of the history. */
async function makeReport(
  name: string,
  history: Iterable<RunRecord>,
  nowMs: number,
  args: readonly string[] = [],
): Promise<string> {
  const resultsDir = path.join(dir, name);
  await writeRuns(resultsDir, history);
  const env = { METRIST_RESULTS_DIR: resultsDir, E2E_DATE_FIXED_MS: String(nowMs), ...preload('fake-date.ts') };
  const ended = await runAwsiam(['report', ...args], env);
  expect(ended.code).toBe(0);
  // On a slow machine it says that it is still reading.
  expect(ended.stderr.replaceAll(/^ {2}… reading the history .*\n/gm, '')).toBe('');
  return path.join(resultsDir, 'report.html');
}

beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-chromium-'));
  runs = [...rehearseRuns({ endMs, days: 8 })];
  [reportFile, browser] = await Promise.all([
    makeReport('week', runs, endMs),
    chromiumPath === undefined ? undefined : startBrowser(),
  ]);
});

afterAll(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

interface Opened extends Watched {
  readonly page: Page;
}

/** Opens a report as a file, or an address. */
async function open(
  context: TestContext,
  place = reportFile,
  { width = 1100, ...options }: BrowserContextOptions & { readonly width?: number } = {},
): Promise<Opened> {
  const surroundings = await need(context, browser, 'chromium').newContext({
    viewport: { width, height: 900 },
    ...options,
  });
  onTestFinished(() => surroundings.close());
  const page = await surroundings.newPage();
  const watched = await watchPage(page);
  await page.goto(place.includes('://') ? place : pathToFileURL(place).href);
  return { page, ...watched };
}

/** The rows of a table, as objects with the names of its columns. */
async function readTable(table: Locator): Promise<Record<string, string>[]> {
  const rows = await table.locator('tr').all();
  const [names = [], ...values] = await Promise.all(
    rows.map(async (row) => {
      const texts = await row.locator('th,td').allInnerTexts();
      return texts.map((text) => text.replaceAll(/\s+/g, ' ').trim());
    }),
  );
  return values.map((cells) => Object.fromEntries(cells.map((cell, index) => [names[index] ?? '', cell])));
}

describe('the report shows what the history says', () => {
  /** Counted here once more, from the records alone. */
  function countStep(name: string) {
    const shown = runs.filter(({ startedAt }) => Date.parse(startedAt) >= endMs - 7 * dayMs);
    const steps = shown.flatMap((run) => run.steps.filter((step) => step.name === name));
    const times = steps.flatMap((step) => (step.state === 'passed' ? [step.durationMs] : [])).toSorted((a, b) => a - b);
    const sides = steps.flatMap((step) => (step.state === 'failed' ? [verdicts[step.error.verdict]] : []));
    const theirs = sides.filter((side) => side === 'theirs').length;
    const rank = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
    return { passed: times.length, theirs, ours: sides.length - theirs, medianMs: rank(0.5), p95Ms: rank(0.95) };
  }

  test('in the table of steps', async (context) => {
    const { page } = await open(context);
    const rows = await readTable(page.locator('section:has(> #steps) table').first());
    expect(rows).toHaveLength(8);
    for (const row of rows) {
      const { passed, theirs, ours, medianMs, p95Ms } = countStep(row['step'] ?? '');
      const number = new Intl.NumberFormat('en-US');
      expect(row).toMatchObject({ median: formatDuration(medianMs), p95: formatDuration(p95Ms) });
      expect(row['availability']).toContain(`${number.format(passed)} of ${number.format(passed + theirs)}`);
      const sides = [theirs > 0 && `${theirs} failed on IAM’s side`, ours > 0 && `${ours} failed on our side`].filter(
        Boolean,
      );
      for (const side of sides.length > 0 ? sides : ['never failed']) expect(row['over time']).toContain(side);
    }
  });

  test('in the key figures, the state and the incidents', async (context) => {
    const { page } = await open(context);
    const shown = runs.filter(({ startedAt }) => Date.parse(startedAt) >= endMs - 7 * dayMs);
    const passed = shown.filter(({ state }) => state === 'passed').length;
    const figures = await page.locator('.key-figures').innerText();
    expect(figures).toContain(shown.length.toLocaleString('en-US'));
    expect(figures).toContain(`${passed.toLocaleString('en-US')} of`);
    expect(await page.locator('h1').innerText()).toBe('IAM is up');
    const incidents = await page.locator('section:has(> #incidents)').innerText();
    for (const what of ['degraded', 'blind', 'no fresh data', 'CreateUser credentials', 'CreateGroup service']) {
      expect(incidents).toContain(what);
    }
  });

  test('in the groups of failures', async (context) => {
    const { page } = await open(context);
    const rows = await readTable(page.locator('section:has(> #failures) table').first());
    const expected = ['CreateUser', 'CreateGroup', 'AttachPolicy'].map((name) => {
      const { theirs, ours } = countStep(name);
      return [name, String(theirs + ours)];
    });
    expect(rows.map((row) => [row['step'], row['runs']])).toEqual(expected);
  });

  test('in the twin of each timeline: its sums are those of the records', async (context) => {
    const { page } = await open(context);
    const sums = await page.evaluate(() => {
      const { document } = globalThis as unknown as { document: { querySelectorAll: (s: string) => Iterable<never> } };
      interface Cell {
        readonly textContent: string;
      }
      interface Table {
        readonly rows: Iterable<{ readonly cells: Iterable<Cell> }>;
      }
      const tables: Iterable<Table> = document.querySelectorAll('section:has(> #timelines) table');
      return [...tables].map((table) => {
        const [names = [], ...rows] = [...table.rows].map(({ cells }) => [...cells].map((cell) => cell.textContent));
        return Object.fromEntries(
          names.map((name, index) => [
            name.trim(),
            rows.reduce((sum, cells) => sum + (Number((cells[index] ?? '').replaceAll(',', '')) || 0), 0),
          ]),
        );
      });
    });
    expect(sums).toHaveLength(8);
    for (const [index, name] of (runs[0]?.steps ?? []).map((step) => step.name).entries()) {
      const { passed, theirs, ours } = countStep(name);
      expect(sums[index], name).toMatchObject({ passed, 'failed, IAM’s side': theirs, 'failed, our side': ours });
    }
  });
});

test.for([
  ['light', 1100],
  ['dark', 1100],
  ['light', 360],
  ['dark', 360],
] as const)('is complete in itself and accessible in %s at %d pixels, and scrolls only down', async (row, context) => {
  const [colorScheme, width] = row;
  const { page, complaints, requests } = await open(context, reportFile, { colorScheme, width });
  expect(await findBarriers(page)).toEqual([]);
  const pageWidth = await page.evaluate(
    () =>
      (globalThis as unknown as { document: { documentElement: { scrollWidth: number } } }).document.documentElement
        .scrollWidth,
  );
  expect(pageWidth).toBe(width);
  expect(complaints).toEqual([]);
  expect(requests).toEqual([pathToFileURL(reportFile).href]);
});

/** Serves the report as Jenkins' HTML Publisher does. */
async function serveLikeJenkins(): Promise<string> {
  const page = await readFile(reportFile);
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.setHeader('content-security-policy', "sandbox; default-src 'none'; img-src 'self'; style-src 'self';");
    response.end(page);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

interface Element {
  readonly textContent: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
  getBoundingClientRect(): Part;
}

/** The titles of all pictures, each with those of its own colours of which a screenshot shows so many pixels. */
async function paintedColours({ page }: Opened, leastPixels = 60): Promise<ReadonlyMap<string, readonly string[]>> {
  const pictures = await page.locator('svg[role=img]').evaluateAll((elements) =>
    (elements as unknown as readonly Element[]).map((picture) => {
      const { x, y, width, height } = picture.getBoundingClientRect();
      const { devicePixelRatio: ratio } = globalThis as unknown as { readonly devicePixelRatio: number };
      const painted = [...picture.querySelectorAll('[fill],[stroke]')];
      return {
        title: picture.querySelector('title')?.textContent ?? '',
        colours: painted.flatMap((element) => [element.getAttribute('fill'), element.getAttribute('stroke')]),
        part: { x: x * ratio, y: y * ratio, width: width * ratio, height: height * ratio },
      };
    }),
  );
  const shot = await page.screenshot({ fullPage: true });
  const parts = pictures.map(({ part }) => part);
  const counts = await countColours(browser as Browser, shot, parts);
  return new Map(
    pictures.map(({ title, colours }, index) => {
      const isPainted = (colour: string | null): colour is string =>
        (counts[index]?.get(colour ?? '') ?? 0) >= leastPixels;
      return [title, [...new Set(colours)].filter(isPainted).toSorted()];
    }),
  );
}

test("paints its pictures without JavaScript, and the same ones under Jenkins' policy, which forbids its style sheet", async (context) => {
  const expected = await paintedColours(await open(context, reportFile, { javaScriptEnabled: false }));
  expect(expected.size).toBeGreaterThan(10);
  for (const [title, colours] of expected) expect(colours.length, title).toBeGreaterThan(1);

  // Pictures have another size there, and a thin line between two pixels has the colour of neither if pixels are large.
  const jenkins = await open(context, await serveLikeJenkins(), { deviceScaleFactor: 2 });
  const painted = await paintedColours(jenkins, 10);
  for (const [title, colours] of expected)
    expect(painted.get(title), title).toEqual(expect.arrayContaining([...colours]));
  expect(painted.size).toBe(expected.size);
  expect(jenkins.complaints.join('\n')).toMatch(/style/i);
});

/** How bright the colours of a picture are: 0 is black, 1 is white. */
function brightnessOf(colours: ReadonlyMap<string, number>): number {
  let [sum, pixels] = [0, 0];
  for (const [colour, count] of colours) {
    const rgb = Number.parseInt(colour.slice(1), 16);
    sum += count * (0.2126 * (rgb >> 16) + 0.7152 * ((rgb >> 8) & 255) + 0.0722 * (rgb & 255));
    pixels += count;
  }
  return sum / pixels / 255;
}

async function brightnessOfPage({ page }: Opened): Promise<number> {
  const part = { x: 0, y: 0, width: 1100, height: 900 };
  const [colours = new Map<string, number>()] = await countColours(
    browser as Browser,
    await page.screenshot({ clip: part }),
    [part],
  );
  return brightnessOf(colours);
}

test('is dark where the user wants that, but not on paper', async (context) => {
  const dark = await open(context, reportFile, { colorScheme: 'dark' });
  expect(await brightnessOfPage(dark)).toBeLessThan(0.25);
  await dark.page.emulateMedia({ media: 'print' });
  expect(await brightnessOfPage(dark)).toBeGreaterThan(0.8);
  expect(await dark.page.locator('nav').isVisible()).toBe(false);
  expect((await dark.page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
  const light = await open(context, reportFile, { colorScheme: 'light' });
  expect(await brightnessOfPage(light)).toBeGreaterThan(0.8);
});

const attack = `"'></title></style></script><script>alert(1)</script><img src="https://evil.example/x" onerror="alert(2)"><svg onload=alert(3)>`;

test('runs nothing and loads nothing of what stands in a hostile history', async (context) => {
  const hostile = runs.slice(-60).map((run): RunRecord => ({
    ...run,
    namespace: attack,
    region: attack,
    state: 'failed',
    steps: run.steps.map((step, index) =>
      index > 0
        ? { state: 'blocked', name: `${attack}${step.name}`, reason: attack }
        : {
            state: 'failed',
            name: attack,
            startedAt: run.startedAt,
            durationMs: 100,
            evidence: { requestId: attack, resolution: attack },
            error: { verdict: 'service', code: attack, message: `${attack}\n${attack}`, advice: attack },
          },
    ),
    leftovers: [{ entity: attack, reason: attack, command: attack }],
    warnings: [attack],
  }));
  const file = await makeReport('hostile', hostile, endMs);
  const { page, complaints, requests } = await open(context, file);
  expect(await page.locator('body').innerText()).toContain('<script>alert(1)</script>');
  expect(await page.locator('script, img, [onload], [onerror], iframe, object, link').count()).toBe(0);
  expect(await findBarriers(page)).toEqual([]);
  expect(complaints).toEqual([]);
  expect(requests).toEqual([pathToFileURL(file).href]);
});

test('of offline runs says first that it is a rehearsal', async (context) => {
  const offline = rehearseRuns({ endMs, days: 1 / 24, mode: 'offline' });
  const file = await makeReport('rehearsal', offline, endMs, ['--mode', 'offline']);
  const { page, complaints } = await open(context, file);
  expect(await page.locator('body').innerText()).toMatch(/^This is a rehearsal\./);
  expect(await findBarriers(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('says so if there is no run, and if the last one is long ago', async (context) => {
  const empty = await open(context, await makeReport('empty', [], endMs));
  expect(await empty.page.locator('h1').innerText()).toBe('There has been no run yet');
  expect(await findBarriers(empty.page)).toEqual([]);
  const late = await open(context, await makeReport('late', runs.slice(-60), endMs + 30 * dayMs));
  expect(await late.page.locator('h1').innerText()).toMatch(/no fresh data/i);
  expect(await findBarriers(late.page)).toEqual([]);
  expect([...empty.complaints, ...late.complaints]).toEqual([]);
});
