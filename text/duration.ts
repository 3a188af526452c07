/** A measured duration: `0.4 ms`, `84 ms`, `1.24 s`, `2 min 05 s`. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs) || durationMs < 0) return '? ms';
  if (durationMs < 9.95) return `${Number(durationMs.toFixed(1))} ms`;
  if (durationMs < 999.5) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_995) return `${(durationMs / 1000).toFixed(2)} s`;
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** A duration in whole seconds: `12 s`. */
export function formatSeconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)} s`;
}

/** A time limit, exactly as it was set: `30 s`, `2.5 s`. */
export function formatLimit(limitMs: number): string {
  return `${limitMs / 1000} s`;
}

/** How long something has taken so far, and how much longer it may take: `(12 s)`, `(12 s, at most 48 s more)`. */
export function formatElapsed(forMs: number, atMostMs?: number): string {
  const limit = atMostMs === undefined ? '' : `, at most ${formatSeconds(Math.max(0, atMostMs))} more`;
  return `(${formatSeconds(forMs)}${limit})`;
}

/** A rough duration, from minutes to years: `10 min`, `36 h`, `20784 days`. */
export function formatSpan(spanMs: number): string {
  const hours = spanMs / 3_600_000;
  if (hours < 2) return `${Math.round(spanMs / 60_000)} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

/** How long ago something was or how long it lasted, in its two largest units: `45 s`, `12 min`, `3 h 20 min`, `6 days 4 h`, `40 days`. */
export function formatAge(ageMs: number): string {
  const seconds = Math.floor(Math.max(0, ageMs) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return inTwoUnits(`${hours} h`, minutes % 60, 'min');
  const days = Math.floor(hours / 24);
  const inDays = days === 1 ? '1 day' : `${days} days`;
  return days < 30 ? inTwoUnits(inDays, hours % 24, 'h') : inDays;
}

function inTwoUnits(large: string, rest: number, unit: string): string {
  return rest === 0 ? large : `${large} ${rest} ${unit}`;
}
