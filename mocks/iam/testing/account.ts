import { operations, type OperationName } from '../operations.ts';
import type { Caller } from '../records.ts';
import { createIamState, type IamState, type IamStateOptions } from '../state.ts';

type Run<Name extends OperationName> = (typeof operations)[Name]['run'];

/** An account with a clock that stands still until a test moves it. */
export interface TestAccount {
  readonly state: IamState;
  /** Runs one operation on the account, without a client and without HTTP. */
  readonly run: <Name extends OperationName>(
    name: Name,
    input: Parameters<Run<Name>>[1],
    caller?: Caller,
  ) => ReturnType<Run<Name>>;
  /** Moves the clock on. */
  readonly wait: (ms: number) => void;
}

/** An account for one test, on 2026-11-22 at noon. */
export function testAccount(options: IamStateOptions = {}): TestAccount {
  let nowMs = Date.UTC(2026, 10, 22, 12);
  const state = createIamState({ now: () => new Date(nowMs), ...options });
  return {
    state,
    run: (name, input, caller = { arn: '', userId: '', userName: '' }) =>
      (operations[name].run as unknown as (...args: [IamState, typeof input, Caller]) => ReturnType<Run<typeof name>>)(
        state,
        input,
        caller,
      ),
    wait(ms) {
      nowMs += ms;
    },
  };
}
