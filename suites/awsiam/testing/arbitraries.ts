import * as fc from 'fast-check';
import { maxNamespaceLength } from '../names.ts';

/** Every namespace that the configuration accepts, including those with special characters of patterns. */
export const namespaces: fc.Arbitrary<string> = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...Array.from('abcXYZ019_+=,.@-')),
    minLength: 1,
    maxLength: maxNamespaceLength,
  }),
  fc.constantFrom(
    'dev',
    'dev1',
    'dev-eu',
    'dev.eu',
    'dev+',
    'd.v',
    '.+',
    '-',
    '0',
    'dev-mf3k2x1c',
    'dev-mf3k2x1c-9a8b7c',
  ),
);
