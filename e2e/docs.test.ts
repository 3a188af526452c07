import { access, glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectDir } from './harness/run.ts';

const pages = new Map<string, string>();
for await (const file of glob(['*.md', '{docs,decisions}/*.md'], { cwd: projectDir })) {
  const text = await readFile(path.join(projectDir, file), 'utf8');
  // What looks like a link or a heading in a block of code is none.
  pages.set(file, text.replace(/^(`{3,}).*?^\1$/gms, ''));
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

async function exists(file: string): Promise<boolean> {
  return await access(path.join(projectDir, file)).then(
    () => true,
    () => false,
  );
}

function linksOf(page: string): string[] {
  const links = [...(pages.get(page) ?? '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !/^\w+:/.test(link));
}

test('every link of the documentation leads to a file of the project and a heading that it has', async () => {
  const broken: string[] = [];
  for (const page of pages.keys()) {
    for (const link of linksOf(page)) {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      const headings = pages.get(target);
      const isFound = await exists(target);
      if (!isFound || (anchor !== undefined && headings && !anchorsOf(headings).includes(anchor))) {
        broken.push(`${page}: ${link}`);
      }
    }
  }
  expect(pages.size).toBeGreaterThan(30);
  expect(broken).toEqual([]);
});

test('the README leads to every page', () => {
  const linked = new Set(linksOf('README.md').map((link) => link.split('#')[0]));
  const missing = [...pages.keys()].filter((page) => !page.startsWith('decisions/') && !linked.has(page));
  expect(missing).toEqual(['README.md']);
});
