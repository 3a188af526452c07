import { seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import type { IamState } from '../../../mocks/iam/state.ts';
import { groupPath, userPath } from '../names.ts';

/** The age of the leftovers that the seeding functions make: more than the longest run with the default settings. */
export const staleMs = 3 * 3_600_000;

/** A name as a run gives it. Each number makes another name. */
export function runName(kind: 'testuser' | 'testgroup', namespace: string, index = 0): string {
  return `${kind}-${namespace}-${originalTime(index)}-9a8b7c`;
}

/** A name as the original monitor gave it: without a random part. */
export function originalName(kind: 'testuser' | 'testgroup', namespace: string, index = 0): string {
  return `${kind}-${namespace}-${originalTime(index)}`;
}

const originalTime = (index: number): string => `mf${index.toString(36).padStart(6, '0')}`;

/** Users that killed runs left three hours before the state's now. */
export function seedStaleUsers(state: IamState, namespace: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const name = runName('testuser', namespace, index);
    seedUser(state, { name, path: userPath, createDate: new Date(state.now().getTime() - staleMs) });
    return name;
  });
}

/** Groups that killed runs left three hours before the state's now. */
export function seedStaleGroups(state: IamState, namespace: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const name = runName('testgroup', namespace, index);
    seedGroup(state, { name, path: groupPath, createDate: new Date(state.now().getTime() - staleMs) });
    return name;
  });
}
