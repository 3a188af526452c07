import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { defaultTimeoutSecs } from '../metrist/registration/monitor-config.ts';
import packageJson from '../package.json' with { type: 'json' };
import { createPolicyFiles } from './policy/policy-files.ts';
import { about, awsiam, variables, type Variable } from '../suites/awsiam/monitor.ts';

/** The contents of all files that are made from the code, by their paths in the project. */
export function createGeneratedFiles(): Readonly<Record<string, unknown>> {
  return { ...createManifests(), ...createPolicyFiles() };
}

/** The contents of this project's manifests, by file name. */
export function createManifests(): Readonly<Record<string, unknown>> {
  const { name, steps } = awsiam;
  const { displayName, description, homepage, statusPage, groups } = about;
  const common = { logical_name: name, description, homepage, status_page_url: statusPage };
  return {
    // The package that the Orchestrator runs.
    'manifest.json': {
      ...common,
      package_name: name,
      runtime_type: 'exe',
      version: packageJson.version,
      publisher: 'The awsiam authors',
      repository: 'https://docs.metrist.io/monitors/',
      license: packageJson.license,
      has_cleanup_tasks: true,
      steps: steps.map((step) => ({
        logical_name: step.name,
        name: toDisplayName(step.name),
        description: step.description,
        default_timeout_seconds: defaultTimeoutSecs,
      })),
      config_values: Object.values<Variable>(variables).map((variable) => ({
        name: variable.property,
        environment_variable_name: variable.orchestrator,
        required: variable.required ?? false,
        description: variable.description,
      })),
    },
    // What Metrist's catalogue shows.
    'monitor-manifest.json': { ...common, name: displayName, groups },
  };
}

/** `AddUserToGroup` is shown as `Add User To Group`. */
function toDisplayName(name: string): string {
  return name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ');
}

// npm run manifests
if (import.meta.main) {
  for (const [name, manifest] of Object.entries(createGeneratedFiles())) {
    await writeFile(path.join(import.meta.dirname, '..', name), `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}
