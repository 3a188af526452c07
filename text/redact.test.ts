import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { clip, createRedactor, forgetOldSecrets, hideSecrets, redact } from './redact.ts';

const hidden = (value: string) => ({ value, shownAs: '[redacted]' });

/** The forms in which encoders write a text. */
const encoders: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  URI: (text) => encodeURIComponent(text),
  form: (text) => new URLSearchParams({ text }).toString().slice('text='.length),
  JSON: (text) => JSON.stringify(text).slice(1, -1),
  XML: (text) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
  base64: (text) => Buffer.from(text).toString('base64'),
  base64url: (text) => Buffer.from(text).toString('base64url'),
  "Go's JSON": (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replaceAll('&', String.raw`\u0026`)
      .replaceAll('<', String.raw`\u003c`)
      .replaceAll('>', String.raw`\u003e`),
  "PHP's JSON": (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replaceAll('/', String.raw`\/`),
  "URI with .NET's digits": (text) => encodeURIComponent(text).replaceAll(/%../g, (code) => code.toLowerCase()),
  'double URI': (text) => encodeURIComponent(encodeURIComponent(text)),
};

describe('createRedactor', () => {
  test.for(Object.entries(encoders))('hides a secret in its %s form', ([, encode]) => {
    const secret = 'pass word+"<&>"/\\key==';
    const { text } = createRedactor([hidden(secret)]);
    // The padding of base64 reveals nothing.
    expect(text(`before ${encode(secret)} after`).replace(/=+ after/, ' after')).toBe('before [redacted] after');
  });

  test('hides every occurrence and leaves the text around it alone', () => {
    const { text } = createRedactor([hidden('hunter2hunter2')]);
    expect(text('a hunter2hunter2, b=hunter2hunter2;')).toBe('a [redacted], b=[redacted];');
  });

  test.for([
    ['longer one first', ['abcdefgh-tail', 'abcdefgh']],
    ['shorter one first', ['abcdefgh', 'abcdefgh-tail']],
  ] as const)('hides all of a secret that contains another secret, given the %s', ([, secrets]) => {
    const { text } = createRedactor(secrets.map(hidden));
    expect(text('abcdefgh-tail abcdefgh')).toBe('[redacted] [redacted]');
  });

  test('puts the mask in a secret’s place literally', () => {
    const { text } = createRedactor([{ value: 'AKIAEXAMPLEKEY01', shownAs: '****$&$1Y01' }]);
    expect(text('key AKIAEXAMPLEKEY01')).toBe('key ****$&$1Y01');
  });

  test('treats the special characters of regular expressions in a secret as ordinary ones', () => {
    const { text } = createRedactor([hidden('.*+?^${}()|[]')]);
    expect(text('x .*+?^${}()|[] y')).toBe('x [redacted] y');
    expect(text('an innocent text')).toBe('an innocent text');
  });

  test.for(['', 'a', 'seven77'])('ignores %j, because such a short text also occurs in innocent ones', (value) => {
    expect(createRedactor([hidden(value)]).text('a seven77 text')).toBe('a seven77 text');
  });

  test('accepts a secret with half a surrogate pair', () => {
    const secret = 'half \uD800 character';
    expect(createRedactor([hidden(secret)]).text(`x ${secret} y`)).toBe('x [redacted] y');
  });

  test('redacts every string of a nested value, even keys, and keeps everything else', () => {
    const { value } = createRedactor([hidden('hunter2hunter2')]);
    const given = {
      list: ['hunter2hunter2', 1, null, undefined, true, { deep: ['x hunter2hunter2'] }],
      'key hunter2hunter2': 1.5,
    };
    expect(value(given)).toEqual({
      list: ['[redacted]', 1, null, undefined, true, { deep: ['x [redacted]'] }],
      'key [redacted]': 1.5,
    });
    expect(given.list[0]).toBe('hunter2hunter2');
  });

  /** Without the letters of the mask, so that no secret occurs in it. */
  const secretText = fc.string({
    unit: fc.constantFrom(...Array.from('ABCXYZ0189/+=<>&"\\ %ü😀\n')),
    minLength: 8,
    maxLength: 40,
  });

  test('hides every form of a secret, whatever surrounds it and however deep it is nested', () => {
    const place = fc.record({
      encode: fc.constantFrom(...Object.values(encoders)),
      before: fc.string({ unit: fc.constantFrom('-', '.', ' ') }),
      after: fc.string({ unit: fc.constantFrom('-', '.', ' ') }),
      wrap: fc.constantFrom<(text: string) => unknown>(
        (text) => text,
        (text) => [[text]],
        (text) => ({ a: { b: [text] } }),
        (text) => ({ [text]: 1 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(secretText, { minLength: 1, maxLength: 4 }), fc.array(place), (secrets, places) => {
        const { value } = createRedactor(secrets.map(hidden));
        const given = places.map(({ encode, before, after, wrap }, index) =>
          wrap(before + encode(secrets[index % secrets.length] ?? '') + after),
        );
        const left = stringsOf(value(given));
        for (const secret of secrets) {
          for (const encode of Object.values(encoders)) {
            const form = encode(secret).replace(/=+$/, '');
            for (const text of left) expect(text).not.toContain(form.length >= 8 ? form : secret);
          }
        }
      }),
    );
  });

  test('does not change a text without secrets', () => {
    fc.assert(
      fc.property(fc.array(secretText), fc.jsonValue(), (secrets, value) => {
        fc.pre(secrets.every((secret) => !JSON.stringify(value).includes(JSON.stringify(secret).slice(1, -1))));
        fc.pre(!JSON.stringify(value).match(/[A-Za-z0-9+/%&]{8}/));
        expect(createRedactor(secrets.map(hidden)).value(value)).toEqual(value);
      }),
    );
  });
});

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...stringsOf(item)]);
}

describe('a piece of a secret', () => {
  const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const { text } = createRedactor([hidden(secret)]);

  test('is hidden if it has at least twelve characters, wherever it was cut', () => {
    for (let start = 0; start < secret.length; start++) {
      for (let end = start + 12; end <= secret.length; end++) {
        expect(text(`before ${secret.slice(start, end)} after`)).toBe('before [redacted] after');
      }
    }
  });

  test('is hidden in the base64 of a longer text, at any position', () => {
    for (const before of ['', 'a', 'ab', 'abc', 'user:']) {
      const encoded = Buffer.from(`${before}${secret} and more`).toString('base64');
      const clean = text(`Basic ${encoded}`);
      expect(clean).toContain('[redacted]');
      expect(clean.length).toBeLessThan(40);
    }
  });

  test('is not hidden if it is shorter, because it can be in an innocent text', () => {
    expect(text(secret.slice(0, 11))).toBe(secret.slice(0, 11));
  });

  test('is hidden together with what overlaps it', () => {
    const both = createRedactor([hidden('abcdefghijklmnopq'), { value: 'klmnopqrstuvwxyz', shownAs: '****' }]);
    expect(both.text('-abcdefghijklmnopqrstuvwxyz-')).toBe('-[redacted]-');
  });
});

describe('user and password', () => {
  const { text } = createRedactor([hidden('bob:PW'), hidden('monitoring-production:Pa55')]);

  test('are hidden together, however short they are', () => {
    expect(text('via http://bob:PW@proxy, bob%3APW, Ym9iOlBX')).toBe(
      'via http://[redacted]@proxy, [redacted], [redacted]',
    );
  });

  test('are hidden in the form that a proxy gets, however short they are', () => {
    expect(createRedactor([hidden('b:pw')]).text('Basic Yjpwdw==')).toBe('Basic [redacted]==');
  });

  test('do not hide the name alone', () => {
    expect(text('bob in monitoring-production')).toBe('bob in monitoring-production');
  });
});

describe('clip', () => {
  const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const { clip: clipRedacted } = createRedactor([hidden(secret)]);

  test.for([
    ['12345', '12345'],
    ['123456', '1234…'],
    ['123😀56', '123…'],
  ] as const)('shortens %s to at most five characters: %s', ([given, clipped]) => {
    expect(clipRedacted(given, 5)).toBe(clipped);
  });

  test('leaves no piece of a secret, wherever it cuts', () => {
    for (let before = 0; before < 150; before++) {
      const clipped = clipRedacted('.'.repeat(before) + `${secret} `.repeat(20), 100);
      expect(clipped.replaceAll('.', '')).toMatch(/^(\[redacted\] )*(\[[redact]*\]?)?…$/);
      expect(clipped.length).toBeLessThanOrEqual(100);
      expect(clipped.length).toBeGreaterThan(75);
    }
  });

  test('searches a text only as far as it shows it', () => {
    const long = `${secret} `.repeat(5) + 'x'.repeat(50_000_000);
    expect(clipRedacted(long, 60)).toBe(`${'[redacted] '.repeat(5).trimEnd()}…`);
  });
});

test('the whole process hides a secret as soon as it is known', () => {
  expect(clip('learnt-early learnt-later', 20)).toBe('learnt-early learnt…');
  hideSecrets([hidden('learnt-early')]);
  hideSecrets([hidden('learnt-later')]);
  expect(clip('learnt-early learnt-later', 20)).toBe('[redacted] [redacte…');
  expect(redact.value({ a: ['learnt-early'] })).toEqual({ a: ['[redacted]'] });
});

describe('a process that makes run after run', () => {
  /** Counts how often a secret is indexed: its form in JSON is made each time. */
  const countIndexed = () => {
    const stringify = vi.spyOn(JSON, 'stringify');
    onTestFinished(() => stringify.mockRestore());
    return () => stringify.mock.calls.length;
  };
  const makeRun = (...values: readonly string[]): void => {
    forgetOldSecrets();
    hideSecrets(values.map(hidden));
    redact.text('a result');
  };

  test('forgets the tokens of old runs, hides those of the last ten, and what every run brings', () => {
    const tokens = Array.from({ length: 10_000 }, (_, index) => createHash('md5').update(`${index}`).digest('hex'));
    const indexed = countIndexed();
    for (const token of tokens) {
      makeRun('brought-by-each-run', token);
      expect(redact.text(`brought-by-each-run ${token}`)).toBe('[redacted] [redacted]');
    }
    const stillHidden = tokens.filter((token) => redact.text(token) !== token);
    expect(stillHidden.length).toBeLessThanOrEqual(20);
    expect(stillHidden).toEqual(tokens.slice(-stillHidden.length));
    expect(stillHidden.length).toBeGreaterThanOrEqual(10);
    // Each token once when it is new, and at most once more with each new index: when ten more runs have passed.
    expect(indexed()).toBeLessThan(2.5 * tokens.length);
  });

  test('indexes a secret only once as long as nothing is forgotten', () => {
    for (let count = 0; count < 30; count++) makeRun('a-lasting-secret');
    const indexed = countIndexed();
    for (let count = 0; count < 100; count++) makeRun('a-lasting-secret');
    expect(indexed()).toBe(0);
  });
});
