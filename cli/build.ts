import packageJson from '../package.json' with { type: 'json' };

/** What the packaging puts in place of the name. */
declare const AWSIAM_BUILD: { readonly commit: string; readonly version: string } | undefined;

/** `awsiam 0.1.0 (commit ae58712)`; from the sources, which may be any commit's: `awsiam 0.1.0 (from source)`. */
export function describeBuild(): string {
  const origin = typeof AWSIAM_BUILD === 'undefined' ? 'from source' : `commit ${AWSIAM_BUILD.commit}`;
  return `${packageJson.name} ${packageJson.version} (${origin})`;
}
