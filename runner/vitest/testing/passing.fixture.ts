import { describeMonitor } from '../describe-monitor.ts';
import { testMonitor } from '../../testing/test-monitor.ts';

describeMonitor(
  testMonitor({
    teardown: ({ ran }) => Promise.resolve({ leftovers: [], warnings: [`torn down after ${ran.join(', ')}`] }),
  }),
  { settings: { config: {}, problems: [] }, values: {}, mode: 'offline' },
);
