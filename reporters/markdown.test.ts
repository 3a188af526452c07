import { expect, test } from 'vitest';
import { codeBlock, plainText } from './markdown.ts';

test.for([
  ['a table and HTML', '| <b>x</b> |', '&#124; &#60;b&#62;x&#60;/b&#62; &#124;'],
  ['emphasis and code', '*a* _b_ `c` ~d~', '&#42;a&#42; &#95;b&#95; &#96;c&#96; &#126;d&#126;'],
  ['links and images', '![a](b)', '!&#91;a&#93;(b)'],
  ['entities and backslashes', '&lt; \\*', '&#38;lt; &#92;&#42;'],
  ['a mention', '@octocat', '@&#8203;octocat'],
  ['an issue', 'fixes #123 and GH-7', 'fixes #&#8203;123 and GH-&#8203;7'],
  ['an address', 'https://x.example www.y.example', 'https:&#8203;//x.example www&#8203;.y.example'],
  ['several lines', 'a\n\n# b\r\n- c', 'a #&#8203; b - c'],
  ['control characters', 'a\u001B[31m', 'a␛&#91;31m'],
])('plainText makes plain text of %s', ([, text, expected]) => {
  expect(plainText(text ?? '', 1000)).toBe(expected);
});

test('an arn and a request id stay as they are', () => {
  const text = 'arn:aws:iam::123456789012:user/x 6b7f9f3e-0000-4000-8000-000000000001';
  expect(plainText(text, 1000)).toBe(text);
});

test('a code block cannot be closed by its text', () => {
  expect(codeBlock('rm ````` x\n```\n## y', 1000)).toBe('``````text\nrm ````` x ``` ## y\n``````\n');
});
