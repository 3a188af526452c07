// `import()` of the package itself copies all of its names. This file names the one that is needed.
export { STS } from '@aws-sdk/client-sts';
