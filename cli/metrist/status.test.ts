import { describe, expect, test } from 'vitest';
import { renderStatus } from './status.ts';

const status = { monitor_logical_name: 'awsiam', state: 'up', last_checked: '2026-11-22T11:02:10Z' } as const;

describe('renderStatus', () => {
  test('shows the state and its age', () => {
    expect(renderStatus(status, 120_000)).toBe(
      'awsiam is up at Metrist · last checked 2026-11-22T11:02:10Z, 2 minutes ago\n',
    );
  });

  test('explains the state "issues"', () => {
    expect(renderStatus({ ...status, state: 'issues' }, 0)).toContain('awsiam is issues (down in part) at Metrist');
  });

  test('recognises a monitor that was never checked', () => {
    expect(renderStatus({ ...status, last_checked: '1970-01-01T00:00:00Z' }, 1e12)).toContain('never checked');
  });

  test('shows no negative age if the clock is behind', () => {
    expect(renderStatus(status, -5000)).toContain(', 0 ms ago');
  });
});
