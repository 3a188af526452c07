import type { ListSigningCertificatesCommandInput, ListSigningCertificatesCommandOutput } from '@aws-sdk/client-iam';
import { findUser } from '../find.ts';
import type { Answer } from '../operation.ts';
import { pageOf } from '../page.ts';
import type { IamState } from '../state.ts';

/**
 * Lists a user's signing certificates.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSigningCertificates.html
 */
export function listSigningCertificates(
  state: IamState,
  input: ListSigningCertificatesCommandInput,
): Answer<ListSigningCertificatesCommandOutput> {
  const { items, position } = pageOf(findUser(state, input.UserName).signingCertificates, input);
  return { Certificates: items, ...position };
}
