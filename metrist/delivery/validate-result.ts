import type { MetristResult } from './results.ts';

const maxNameLength = 255;
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

/**
 * What Metrist would take with a 202 and then drop, or answer with a 500, as short clauses: `value must be a finite number`.
 * Empty for a result that can be sent. Source of the rules:
 * lib/domain/monitor/commands.ex, lib/domain/middleware/type_validation.ex and the projectors of Metrist-Software/backend.
 */
export function validateResult({ kind, body }: MetristResult): string[] {
  const common = [
    ...checkName('monitor_logical_name', body.monitor_logical_name),
    ...checkName('instance_name', body.instance_name),
    ...checkName('check_logical_name', body.check_logical_name),
    ...Object.entries(body.metadata).flatMap(([name, value]) => checkMetadata(name, value)),
  ];
  if (kind === 'telemetry') {
    return [...common, ...check(Number.isFinite(body.value), 'value must be a finite number')];
  }
  return [
    ...common,
    ...check(isCleanText(body.message), 'message must be text without NUL'),
    ...check(isTime(body.time), 'time must be UTC with six digits of fraction'),
    ...check(
      Array.isArray(body.blocked_steps) && body.blocked_steps.every(isCleanText),
      'blocked_steps must be an array of names',
    ),
  ];
}

function checkName(field: string, name: unknown): string[] {
  const isName = isCleanText(name) && name !== '' && name.length <= maxNameLength;
  return check(isName, `${field} must be 1 to ${maxNameLength} characters`);
}

function checkMetadata(name: string, value: unknown): string[] {
  return check(
    isCleanText(name) && (isCleanText(value) || Number.isFinite(value)),
    `metadata ${JSON.stringify(name)} must be text without NUL or a finite number`,
  );
}

function isCleanText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0') && value.isWellFormed();
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && timePattern.test(value) && !Number.isNaN(Date.parse(`${value.slice(0, 23)}Z`));
}

function check(isFine: boolean, problem: string): string[] {
  return isFine ? [] : [problem];
}
