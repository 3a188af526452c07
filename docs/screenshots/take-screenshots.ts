import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBrowser } from '../../e2e/harness/browser.ts';
import { readOverview } from '../../history/overview.ts';
import { HistoryWriter } from '../../history/write-history.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { renderReport } from '../../reporters/html/page.ts';
import { operations } from '../../suites/awsiam/outline.ts';
import { rehearse } from './rehearse.ts';

/**
 * `npm run docs:screenshots` makes the pictures of the report in the README, in light and dark: the real monitor runs for a
 * week over the mock, and Chromium shows the report of these runs. The same code gives the same pictures.
 */
const endMs = Date.UTC(2026, 10, 22, 18);
const days = 8;
const intervalSecs = 120;
const width = 1080;
/** The README shows the page down to here. */
const lastShown = 'section:has(> #steps)';
const maxBytes = 300_000;

const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-screenshots-'));
try {
  const startedMs = performance.now();
  const history = new HistoryWriter({ dir: path.join(resultsDir, 'runs'), historyDays: 90 });
  const runs = [];
  for await (const run of rehearse({ endMs, days, intervalSecs })) runs.push(run);
  for (const run of runs) await history.append(run);
  const rehearsedSecs = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`${runs.length} runs of ${days} days rehearsed in ${rehearsedSecs} s`);

  const overview = await readOverview({ resultsDir, mode: 'live', days: 7, nowMs: endMs });
  const file = path.join(resultsDir, 'report.html');
  await writeFile(file, renderReport(overview, { generatedMs: endMs, version: packageJson.version, operations }));
  const browser = await startBrowser();
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ viewport: { width, height: 2000 }, colorScheme });
    await page.goto(pathToFileURL(file).href);
    const picture = path.join(import.meta.dirname, '..', colorScheme === 'light' ? 'report.png' : 'report-dark.png');
    const box = await page.locator(lastShown).first().boundingBox();
    if (box === null) throw new Error(`the page has no ${lastShown}`);
    await page.screenshot({ path: picture, clip: { x: 0, y: 0, width, height: Math.ceil(box.y + box.height) } });
    const { size: bytes } = await stat(picture);
    console.log(`${path.relative(process.cwd(), picture)}: ${Math.ceil(bytes / 1000)} kB`);
    if (bytes > maxBytes) throw new Error(`the picture is larger than ${maxBytes / 1000} kB`);
  }
  await browser.close();
} finally {
  await rm(resultsDir, { recursive: true, force: true });
}
