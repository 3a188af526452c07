import { describeMonitor } from '../describe-monitor.ts';
import { testMonitor, testStep } from '../../testing/test-monitor.ts';

const secret = 'hunter2hunter2';

describeMonitor(
  testMonitor({
    steps: [
      testStep({ name: 'Fill' }),
      testStep({ name: 'Boil', run: () => Promise.reject(new Error(`no power for ${secret}`)) }),
      testStep({ name: 'Pour' }),
    ],
    teardown: ({ ran }) => Promise.resolve({ leftovers: [], warnings: [`torn down after ${ran.join(', ')}`] }),
  }),
  { settings: { config: {}, problems: [] }, values: { SECRET: secret }, mode: 'offline' },
);
