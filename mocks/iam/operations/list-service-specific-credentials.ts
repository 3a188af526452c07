import type {
  ListServiceSpecificCredentialsCommandInput,
  ListServiceSpecificCredentialsCommandOutput,
} from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists a user's credentials for single services, or those for one service.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html
 */
export function listServiceSpecificCredentials(
  state: IamState,
  input: ListServiceSpecificCredentialsCommandInput,
): Answer<ListServiceSpecificCredentialsCommandOutput> {
  const { ServiceName: service } = input;
  const { items, position } = pageOf(
    findUser(state, input.UserName).serviceSpecificCredentials,
    input,
    (credential) => service === undefined || credential.ServiceName === service,
  );
  return { ServiceSpecificCredentials: items, ...position };
}
