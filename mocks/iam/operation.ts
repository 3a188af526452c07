import type { AwsCommand } from 'aws-sdk-client-mock';
import type { IamState } from './state.ts';

/** What an operation answers: the SDK's output type less what only a request over the wire has. */
export type Answer<Output> = Omit<Output, '$metadata'>;

/** What an operation answers that says nothing but that it took effect. */
export type NoOutput = Record<string, never>;

/** One of IAM's operations: the SDK's command for it and what it does to an account. */
export interface Operation<Input extends object, Output extends object> {
  readonly Command: new (input: Input) => AwsCommand<Input, Output>;
  /** Throws the SDK's exceptions (`IAMServiceException` and its classes), and then leaves the state as it was. */
  readonly run: (state: IamState, input: Input) => Answer<Output>;
}

/** Pairs a command with its implementation, so that the types of both must agree. */
export function operation<Input extends object, Output extends object>(
  Command: Operation<Input, Output>['Command'],
  run: Operation<Input, Output>['run'],
): Operation<Input, Output> {
  return { Command, run };
}
