import type { Finding } from './finding.ts';

/** Metrist's client says why something failed and, after a semicolon, what to do about it. */
export function failedAtMetrist(message: string): Finding {
  const at = message.indexOf('; ');
  const advice = at === -1 ? 'check METRIST_API_HOST and the way to it' : message.slice(at + 2);
  return {
    state: 'failure',
    what: at === -1 ? message : message.slice(0, at),
    fix: `${advice.charAt(0).toUpperCase()}${advice.slice(1)}.`,
  };
}
