import { describe, expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { makeSbom, productionPackages } from './write-sbom.ts';

describe('the bill of materials', async () => {
  const sbom = await makeSbom();
  const refs = sbom.components.map((component) => component['bom-ref']);
  const names = sbom.components.map(({ name }) => name);

  test('is of this product, in the CycloneDX format', () => {
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: expect.stringMatching(/^1\.\d+$/) as string });
    expect(sbom.metadata.component).toMatchObject({ name: packageJson.name, version: packageJson.version });
  });

  test('lists every production package of the lock file, those that development packages need as well, and no other', () => {
    expect(new Set(refs)).toEqual(productionPackages);
    expect(names).toEqual(expect.arrayContaining([...Object.keys(packageJson.dependencies), 'vitest', 'tslib']));
    const development = ['aws-sdk-client-mock', 'fast-check', 'node', 'oxlint', 'sinon', 'typescript'];
    expect(new Set(names).intersection(new Set(development))).toEqual(new Set());
  });

  test('has a version and a licence of each, and none that asks for more than a notice or the sources of the package', () => {
    const licences = sbom.components.map(({ name, version, licenses = [] }) => {
      const [id = ''] = licenses.map(({ license, expression }) => license?.id ?? expression ?? '');
      return { name, version, id };
    });
    expect(licences.filter(({ version, id }) => version === '' || id === '')).toEqual([]);
    expect([...new Set(licences.map(({ id }) => id))].filter((id) => !accepted.has(id))).toEqual([]);
  });

  test('names no dependency that it does not list', () => {
    const known = new Set([...refs, `${packageJson.name}@${packageJson.version}`]);
    expect(
      sbom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !known.has(ref)),
    ).toEqual([]);
  });
});

/** A new one has to be read before it is added. Never a licence of the GPL family. */
const accepted: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MPL-2.0',
]);
