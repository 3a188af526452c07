// `import()` of the package itself copies its 850 names, each time in the executable. This file names the one that is needed.
export { IAM } from '@aws-sdk/client-iam';
