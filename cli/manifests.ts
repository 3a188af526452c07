import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createMonitorManifest, createPackageManifest } from '../metrist/registration/manifest.ts';
import packageJson from '../package.json' with { type: 'json' };
import { about, awsiam, variables, type Variable } from '../suites/awsiam/monitor.ts';

/** The contents of this project's manifests, by file name. */
export function createManifests(): Readonly<Record<string, unknown>> {
  const facts = {
    version: packageJson.version,
    license: packageJson.license,
    publisher: 'The awsiam authors',
    repository: 'https://docs.metrist.io/monitors/',
    settings: Object.values<Variable>(variables).map(({ property, orchestrator, required = false, description }) => ({
      property,
      variable: orchestrator,
      required,
      description,
    })),
  };
  return {
    'manifest.json': createPackageManifest(awsiam, about, facts),
    'monitor-manifest.json': createMonitorManifest(awsiam, about),
  };
}

// npm run manifests
if (import.meta.main) {
  for (const [name, manifest] of Object.entries(createManifests())) {
    await writeFile(path.join(import.meta.dirname, '..', name), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}
