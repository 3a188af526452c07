import { type MonitorOutline, defaultTimeoutSecs } from './monitor-config.ts';

/** What a catalogue says about a monitor, besides its steps. */
interface CatalogueEntry {
  readonly displayName: string;
  readonly description: string;
  readonly homepage: string;
  readonly statusPage: string;
  readonly groups: readonly string[];
}

/** What a package contains. */
interface PackageFacts {
  readonly version: string;
  readonly license: string;
  readonly publisher: string;
  /** Where it is documented. */
  readonly repository: string;
  readonly settings: readonly PackageSetting[];
}

interface PackageSetting {
  /** The property's name in the Orchestrator's Config JSON. */
  readonly property: string;
  /** What the Orchestrator derives from it. */
  readonly variable: string;
  readonly required: boolean;
  readonly description: string;
}

/**
 * `monitor-manifest.json`: what Metrist's catalogue shows of a monitor.
 *
 * ```json
 * {"logical_name":"awsiam","name":"AWS Identity and Access Management","description":"…","groups":["aws"],
 *   "homepage":"https://aws.amazon.com/iam/","status_page_url":"https://health.aws.amazon.com/health/status"}
 * ```
 */
export function createMonitorManifest({ name }: MonitorOutline, entry: CatalogueEntry) {
  return {
    logical_name: name,
    name: entry.displayName,
    description: entry.description,
    groups: entry.groups,
    homepage: entry.homepage,
    status_page_url: entry.statusPage,
  };
}

/**
 * `manifest.json`: the package that the Orchestrator runs.
 *
 * ```json
 * {"logical_name":"awsiam","package_name":"awsiam","runtime_type":"exe","version":"0.1.0","has_cleanup_tasks":true,"…":"…",
 *   "steps":[{"logical_name":"CreateUser","name":"Create User","description":"…","default_timeout_seconds":900}],
 *   "config_values":[{"name":"Namespace","environment_variable_name":"METRIST_AWSIAM_NAMESPACE","required":true}]}
 * ```
 */
export function createPackageManifest({ name, steps }: MonitorOutline, entry: CatalogueEntry, facts: PackageFacts) {
  return {
    logical_name: name,
    package_name: name,
    runtime_type: 'exe',
    version: facts.version,
    publisher: facts.publisher,
    repository: facts.repository,
    license: facts.license,
    description: entry.description,
    homepage: entry.homepage,
    status_page_url: entry.statusPage,
    has_cleanup_tasks: true,
    steps: steps.map((step) => ({
      logical_name: step.name,
      name: toDisplayName(step.name),
      description: step.description,
      default_timeout_seconds: defaultTimeoutSecs,
    })),
    config_values: facts.settings.map(({ property, variable, required, description }) => ({
      name: property,
      environment_variable_name: variable,
      required,
      description,
    })),
  };
}

/** `AddUserToGroup` is shown as `Add User To Group`. */
function toDisplayName(name: string): string {
  return name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ');
}
