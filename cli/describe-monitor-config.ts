import { plural, joinLines } from '../text/printable.ts';
import type { MonitorConfig } from '../metrist/registration/monitor-config.ts';
import type { StoredMonitorConfig } from '../metrist/registration/stored-monitor-config.ts';

/** `every 120 s · 8 steps of at most 900 s · run groups prod, eu` */
export function describeMonitorConfig(config: MonitorConfig | StoredMonitorConfig): string {
  const { interval_secs: intervalSecs, run_groups: groups, steps } = config;
  const timeouts = [...new Set(steps.map(({ timeout_secs: secs }) => `${secs} s`))];
  return [
    `every ${intervalSecs} s`,
    `${plural(steps.length, 'step')} of at most ${timeouts.join(' or ')}`,
    groups.length === 0 ? 'no run groups' : `run groups ${groups.map(shown).join(', ')}`,
    ...('extra_config' in config && config.extra_config
      ? [`extra configuration ${config.extra_config.map(({ name }) => shown(name)).join(', ')}`]
      : []),
  ].join(' · ');
}

function shown(text: string): string {
  return joinLines(text, 200);
}
