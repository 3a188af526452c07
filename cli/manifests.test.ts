import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findShapeFaults, monitorManifestShape, packageManifestShape } from '../metrist/testing/check-manifest.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import { createGeneratedFiles, createManifests } from './manifests.ts';

const { 'manifest.json': packageManifest, 'monitor-manifest.json': monitorManifest } = createManifests() as Record<
  string,
  Record<string, unknown>
>;

describe('the manifests', () => {
  test.for(Object.entries(createGeneratedFiles()))(
    '%s is what "npm run manifests" writes',
    async ([name, manifest]) => {
      const text = await readFile(path.join(import.meta.dirname, '..', name), 'utf8');
      expect(JSON.parse(text), 'run: npm run manifests').toEqual(manifest);
    },
  );

  test('keep to the rules of Metrist', () => {
    expect(findShapeFaults(packageManifest, packageManifestShape)).toEqual([]);
    expect(findShapeFaults(monitorManifest, monitorManifestShape)).toEqual([]);
  });

  test('describe every step, in order, with a name to show', () => {
    expect(packageManifest?.['steps']).toEqual(
      awsiam.steps.map(({ name, description }) => ({
        logical_name: name,
        name: expect.stringMatching(/^[A-Z][a-z]+( [A-Z][a-z]+)+$/) as unknown,
        description,
        default_timeout_seconds: 900,
      })),
    );
    expect(packageManifest?.['steps']).toContainEqual(
      expect.objectContaining({ logical_name: 'AddUserToGroup', name: 'Add User To Group' }),
    );
  });

  test('name the variables as the Orchestrator derives them, and the two that are required', () => {
    const values = packageManifest?.['config_values'] as { [name: string]: unknown }[];
    expect(values).toContainEqual({
      name: 'AWSAccessKeyId',
      environment_variable_name: 'METRIST_AWSIAM_A_W_S_ACCESS_KEY_ID',
      required: false,
      description: expect.stringMatching(/\.$/) as unknown,
    });
    expect(values.filter(({ required }) => required === true).map(({ name }) => name)).toEqual([
      'AWSRegion',
      'Namespace',
    ]);
  });

  test.for([
    [{ tags: [] }, ['tags']],
    [{ runtime_type: 'ping' }, ['runtime_type']],
    [{ steps: [{ logical_name: 'a', name: 'A', default_timeout_seconds: 65_536 }] }, ['steps']],
    [{ steps: [{ logical_name: 'a', name: 'A', default_timeout_seconds: 1.5 }] }, ['steps']],
    [{ steps: [{ logical_name: 'a', name: 'A' }] }, ['steps']],
    [{ steps: [{ logical_name: 'a', name: 'A', default_timeout_seconds: 1, timeout: 1 }] }, ['steps']],
    [{ config_values: [{ name: 'a', environment_variable_name: 'A', required: 'yes' }] }, ['config_values']],
    [{ description: null }, ['description']],
  ] as const)('are invalid with %o', ([change, faults]) => {
    expect(findShapeFaults({ ...packageManifest, ...change }, packageManifestShape)).toEqual(faults);
  });

  test('are invalid without a required property', () => {
    const { publisher: _, ...incomplete } = packageManifest ?? {};
    expect(findShapeFaults(incomplete, packageManifestShape)).toEqual(['publisher']);
  });
});
