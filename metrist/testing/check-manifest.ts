/**
 * Metrist's rules for manifests, from the JSON type definitions (RFC 8927) in `manifest-validator/src/*.json` of
 * Metrist-Software/monitors. A property that is not named there is refused.
 */

type Check = (value: unknown) => boolean;

interface Shape {
  readonly required: Readonly<Record<string, Check>>;
  readonly optional: Readonly<Record<string, Check>>;
}

const isString: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isUint16: Check = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;
const arrayOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every((item) => check(item));
const shaped =
  (shape: Shape): Check =>
  (value) =>
    findShapeFaults(value, shape).length === 0;

export const monitorManifestShape: Shape = {
  required: { logical_name: isString, name: isString },
  optional: { description: isString, homepage: isString, status_page_url: isString, groups: arrayOf(isString) },
};

const stepShape: Shape = {
  required: { logical_name: isString, name: isString, default_timeout_seconds: isUint16 },
  optional: { description: isString, docs_url: isString },
};

const configValueShape: Shape = {
  required: { name: isString, environment_variable_name: isString, required: isBoolean },
  optional: { description: isString },
};

export const packageManifestShape: Shape = {
  required: {
    has_cleanup_tasks: isBoolean,
    logical_name: isString,
    package_name: isString,
    publisher: isString,
    repository: isString,
    version: isString,
    runtime_type: (value) => value === 'dll' || value === 'exe',
    steps: arrayOf(shaped(stepShape)),
  },
  optional: {
    contributors: arrayOf(isString),
    description: isString,
    homepage: isString,
    license: isString,
    status_page_url: isString,
    config_values: arrayOf(shaped(configValueShape)),
  },
};

/** The names of the properties that are missing, unknown or of another type. */
export function findShapeFaults(value: unknown, { required, optional }: Shape): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['not an object'];
  const checks: Readonly<Record<string, Check>> = { ...required, ...optional };
  const missing = Object.keys(required).filter((name) => !Object.hasOwn(value, name));
  const wrong = Object.entries(value).flatMap(([name, item]) => (checks[name]?.(item) === true ? [] : [name]));
  return [...missing, ...wrong];
}
