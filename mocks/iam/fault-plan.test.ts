import { describe, expect, test } from 'vitest';
import { createFaultPlan } from './fault-plan.ts';

/** The faults that the next requests of an operation meet, by name. */
function namesOf(text: string, operation: string, requests: number): (string | undefined)[] {
  const plan = createFaultPlan(text);
  return Array.from({ length: requests }, () => plan.next(operation)?.name);
}

function problemsOf(text: string): string {
  try {
    createFaultPlan(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

describe('a fault plan', () => {
  test('a fault without a number applies to every request', () => {
    expect(namesOf('CreateUser=Throttling', 'CreateUser', 3)).toEqual(['Throttling', 'Throttling', 'Throttling']);
  });

  test('a fault with a number applies to that many requests', () => {
    expect(namesOf('CreateUser=Throttling:2', 'CreateUser', 3)).toEqual(['Throttling', 'Throttling', undefined]);
  });

  test('other operations do not meet the fault and do not use it up', () => {
    const plan = createFaultPlan('CreateUser=hang:1');
    expect(plan.next('CreateGroup')).toBeUndefined();
    expect(plan.next('CreateUser')).toEqual({ kind: 'transport', name: 'hang' });
  });

  test('several faults of one operation follow each other', () => {
    const text = ' CreateUser=ServiceFailure:1 , DeleteUser=html, CreateUser=reset-after:1,CreateUser=Throttling';
    const expected = ['ServiceFailure', 'reset-after', 'Throttling', 'Throttling'];
    expect(namesOf(text, 'CreateUser', 4)).toEqual(expected);
  });

  test.for(['slow', 'late'] as const)('%s takes milliseconds, then a number of requests', (name) => {
    const plan = createFaultPlan(`CreateUser=${name}:1500:1,DeleteUser=${name}:20`);
    expect(plan.next('CreateUser')).toEqual({ kind: 'delay', name, delayMs: 1500 });
    expect(plan.next('CreateUser')).toBeUndefined();
    expect([plan.next('DeleteUser')?.name, plan.next('DeleteUser')?.name]).toEqual([name, name]);
  });

  test('an empty text means no fault', () => {
    expect(namesOf(' ', 'CreateUser', 1)).toEqual([undefined]);
  });
});

describe('a wrong text', () => {
  test.each([
    ['AttachPolicy=Throttling', 'no operation is called AttachPolicy; did you mean AttachUserPolicy?'],
    ['DetachPolicy=Throttling', 'no operation is called DetachPolicy; did you mean DetachUserPolicy?'],
    ['createuser=Throttling', 'no operation is called createuser; did you mean CreateUser?'],
    ['CreateUser=NoSuchEntityException', 'no fault is called NoSuchEntityException; did you mean NoSuchEntity?'],
    ['CreateUser=toString', 'no fault is called "toString"'],
    ['constructor=hang', 'no operation is called "constructor"'],
    ['CreateUser=hang:0', '0 is not a whole number above 0'],
    ['CreateUser=hang:1.5', '1.5 is not a whole number above 0'],
    ['CreateUser=hang:', 'an empty text is not a whole number above 0'],
    ['CreateUser=hang:1:2', 'hang takes one number, that of the requests'],
    ['CreateUser=slow', 'slow is written slow:<ms>[:<requests>]'],
    ['CreateUser=slow:1:2:3', 'slow is written slow:<ms>[:<requests>]'],
    ['CreateUser=late', 'late is written late:<ms>[:<requests>]'],
    ['CreateUser', '"CreateUser" is not of the form <Operation>=<fault>[:<requests>]'],
    ['CreateUser=hang,', '"" is not of the form <Operation>=<fault>[:<requests>]'],
    ['CreateUser=hang,CreateUser=html', '"CreateUser=html" is never reached'],
  ])('%s: %s', (text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  test('is refused with all its problems at once, and with what is valid', () => {
    const problems = problemsOf('Nope=hang,CreateUser=nope,CreateUser=hang:x');
    expect(problems).toContain('"Nope"');
    expect(problems).toContain('"nope"');
    expect(problems).toContain('hang:x');
    expect(problems).toMatch(/operations: .*AddUserToGroup/);
    expect(problems).toMatch(/faults: .*slow:<ms>, late:<ms>/);
  });
});
