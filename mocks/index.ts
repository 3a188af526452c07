/** What another project may import as `awsiam/mocks`. Everything else may change in any version. */
export { installIamMock, type IamMock } from './iam/client-mock.ts';
export type { IamCall, IamEndpointOptions } from './iam/endpoint.ts';
export { createFaultPlan, type FaultPlan } from './iam/fault-plan.ts';
export { startIamServer, type IamServer, type IamServerOptions } from './iam/server.ts';
export { createIamState, type IamState, type IamStateOptions } from './iam/state.ts';
