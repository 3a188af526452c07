import vm from 'node:vm';

type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

export interface TerraformModule {
  readonly variable: Readonly<Record<string, { readonly default?: string; readonly validation?: readonly Check[] }>>;
  readonly locals: Fields;
  readonly resource: Readonly<Record<string, Readonly<Record<string, Fields>>>>;
  readonly output: Readonly<Record<string, { readonly value: string }>>;
}

interface Check {
  readonly condition: string;
  readonly error_message: string;
}

export interface Plan {
  /** The resources that would be created, by their types and names. */
  readonly resources: Readonly<Record<string, Fields>>;
  readonly outputs: Fields;
  /** The messages of the checks that do not hold. */
  readonly violations: readonly string[];
}

/**
 * Works out what Terraform would create. The expressions of the module are also valid in JavaScript, but for the names of the
 * variables and texts with expressions in them. A real Terraform is not asked: it would need its provider from the network.
 *
 * @param data what the data sources say
 * @param arnOf the ARN of a resource
 */
export function resolveTerraform(
  module: TerraformModule,
  given: Readonly<Record<string, string>>,
  data: Fields,
  arnOf: (type: string, attributes: Fields) => string,
): Plan {
  for (const name of Object.keys(given)) {
    if (!(name in module.variable)) throw new Error(`there is no variable ${name}`);
  }
  const variables = Object.fromEntries(
    Object.entries(module.variable).map(([name, { default: standard }]) => [name, given[name] ?? standard]),
  );
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) throw new Error(`the variable ${name} is missing`);
  }

  const evaluate = (expression: string): Json => {
    const script = expression.replaceAll(/\bvar\./g, 'variables.').replaceAll(/"((?:[^"\\]|\\.)*)"/g, '`$1`');
    return vm.runInNewContext(script, {
      variables,
      data,
      local: locals,
      ...references,
      jsonencode: (value: Json) => JSON.stringify(value),
      compact: (values: readonly string[]) => values.filter((value) => value !== ''),
      contains: (list: readonly string[], value: string) => list.includes(value),
      regex: (pattern: string, value: string) => {
        if (!new RegExp(pattern, 'u').test(value)) throw new Error('no match');
        return value;
      },
      // If the expression in it fails, all fails.
      can: () => true,
    });
  };
  const resolve = (value: Json): Json => {
    if (typeof value === 'string') return resolveText(value, evaluate);
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [String(resolve(name)), resolve(each)] as const),
    );
  };
  const locals: Record<string, Json> = {};
  const references: Record<string, Record<string, Json>> = {};
  for (const [name, value] of Object.entries(module.locals)) locals[name] = resolve(value);

  const resources: Record<string, Fields> = {};
  const violations: string[] = [];
  for (const { validation = [] } of Object.values(module.variable)) {
    violations.push(...findViolations(validation, evaluate));
  }
  for (const [type, named] of Object.entries(module.resource)) {
    for (const [name, { count, lifecycle, ...attributes }] of Object.entries(named)) {
      if (count !== undefined && resolve(count) === 0) continue;
      const resolved = resolve(attributes) as Fields;
      const reference = { ...resolved, arn: arnOf(type, resolved) };
      references[type] = { ...references[type], [name]: count === undefined ? reference : [reference] };
      resources[`${type}.${name}`] = resolved;
      const { precondition = [] } = (lifecycle ?? {}) as { readonly precondition?: readonly Check[] };
      violations.push(...findViolations(precondition, evaluate));
    }
  }
  return {
    resources,
    outputs: Object.fromEntries(Object.entries(module.output).map(([name, { value }]) => [name, resolve(value)])),
    violations,
  };
}

function findViolations(checks: readonly Check[], evaluate: (expression: string) => Json): string[] {
  return checks
    .filter(({ condition }) => {
      try {
        return resolveText(condition, evaluate) !== true;
      } catch {
        return true;
      }
    })
    .map(({ error_message: message }) => message);
}

/** A text that is one expression has that expression's value. In any other text, the values are put in its place. */
function resolveText(text: string, evaluate: (expression: string) => Json): Json {
  const values: Json[] = [];
  let rest = '';
  for (let at = 0; at < text.length; at++) {
    if (!text.startsWith('${', at)) {
      rest += text.charAt(at);
      continue;
    }
    const end = endOfExpression(text, at + 2);
    values.push(evaluate(text.slice(at + 2, end)));
    rest += String(values.at(-1));
    at = end;
  }
  const isOneExpression = values.length === 1 && text.startsWith('${') && endOfExpression(text, 2) === text.length - 1;
  return isOneExpression ? values[0] : rest;
}

function endOfExpression(text: string, start: number): number {
  for (let at = start, depth = 1; at < text.length; at++) {
    if (text.charAt(at) === '{') depth += 1;
    if (text.charAt(at) === '}') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`an expression does not end: ${text}`);
}
