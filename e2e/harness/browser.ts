import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type Page } from 'playwright-core';

/** The program of Debian's package `chromium`, if this machine has it. */
export const chromiumPath: string | undefined = ['chromium', 'chromium-browser'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** Starts the browser. It has no window and reaches only what a page asks for. */
export async function startBrowser(): Promise<Browser> {
  const which = spawnSync('which', [chromiumPath ?? 'chromium'], { encoding: 'utf8' });
  return await chromium.launch({
    executablePath: which.stdout.trim(),
    // Its sandbox does not run as root. GPUs differ from machine to machine.
    args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'],
  });
}

/** What a page did that a self-contained page must not do. */
export interface Watched {
  /** Errors and warnings on the console, and uncaught errors. */
  readonly complaints: string[];
  /** The addresses of all requests, the page's own among them. */
  readonly requests: string[];
}

/** Records what a page does, from now on. Requests to other origins do not leave it. */
export async function watchPage(page: Page): Promise<Watched> {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => requests.push(request.url()));
  await page.route(
    (url) => url.protocol !== 'file:' && url.hostname !== '127.0.0.1',
    async (route) => await route.abort(),
  );
  return { complaints, requests };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong with the accessibility of a page, one line for each element. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { readonly axe: Pick<typeof import('axe-core'), 'run'> };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
    );
  });
}

/** A part of a picture, in pixels. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How many pixels of each part of a picture have each colour: `#1b232b`. The browser counts them, in a page of its own. */
export async function countColours(
  browser: Browser,
  png: Buffer,
  parts: readonly Part[],
): Promise<readonly ReadonlyMap<string, number>[]> {
  const page = await browser.newPage();
  try {
    const counts = await page.evaluate(
      async ([base64, areas]) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const dom = globalThis as unknown as BrowserGlobals;
        const bitmap = await dom.createImageBitmap(new Blob([bytes]));
        const context = new dom.OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        context.drawImage(bitmap, 0, 0);
        return areas.map(({ x, y, width, height }) => {
          const { data } = context.getImageData(Math.round(x), Math.round(y), Math.round(width), Math.round(height));
          const found = new Map<string, number>();
          for (let at = 0; at < data.length; at += 4) {
            const rgb = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
            const colour = `#${rgb.toString(16).padStart(6, '0')}`;
            found.set(colour, (found.get(colour) ?? 0) + 1);
          }
          return [...found];
        });
      },
      [png.toString('base64'), parts] as const,
    );
    return counts.map((each) => new Map(each));
  } finally {
    await page.close();
  }
}

/** What is used of a browser. Its types are not loaded, because no other code of this project runs in one. */
interface BrowserGlobals {
  readonly createImageBitmap: (blob: Blob) => Promise<{ readonly width: number; readonly height: number }>;
  readonly OffscreenCanvas: new (
    width: number,
    height: number,
  ) => {
    getContext(kind: '2d'): {
      drawImage(image: unknown, x: number, y: number): void;
      getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
    };
  };
}
