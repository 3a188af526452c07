import { createMonitorManifest, createPackageManifest } from '../metrist/registration/manifest.ts';
import packageJson from '../package.json' with { type: 'json' };
import { about, settings, variables, type Variable } from '../suites/awsiam/settings/variables.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';

/** What stands in the manifests of this project, by the files' names. */
export function createManifests(): Readonly<Record<string, unknown>> {
  const facts = {
    version: packageJson.version,
    license: packageJson.license,
    publisher: 'The awsiam authors',
    repository: 'https://docs.metrist.io/monitors/',
    settings: Object.entries<Variable>(variables).map(([key, { property, orchestrator }]) => ({
      property,
      variable: orchestrator,
      ...settings[key as keyof typeof settings],
    })),
  };
  return {
    'manifest.json': createPackageManifest(awsiam, about, facts),
    'monitor-manifest.json': createMonitorManifest(awsiam, about),
  };
}
