import { packageExecutable } from './package-executable.ts';

/** Before the end-to-end tests: makes the package unless the one in `dist` is that of the sources as they are. */
export async function setup(): Promise<void> {
  const { version, isReused } = await packageExecutable({ reuse: true });
  if (!isReused) console.log(`packaged ${version}`);
}
