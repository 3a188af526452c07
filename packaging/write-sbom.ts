import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import packageLock from '../package-lock.json' with { type: 'json' };
import packageJson from '../package.json' with { type: 'json' };

const projectDir = path.dirname(import.meta.dirname);

/** A bill of materials, as far as we look into it. https://cyclonedx.org/docs/1.5/json/ */
export interface Sbom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly {
    readonly 'bom-ref': string;
    readonly name: string;
    readonly version: string;
    readonly licenses?: readonly { readonly license?: { readonly id?: string }; readonly expression?: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** `@aws-sdk/client-iam@3.1169.0` for each package that a host without development packages has. */
export const productionPackages: ReadonlySet<string> = new Set(
  Object.entries<{ readonly version?: string; readonly dev?: boolean }>(packageLock.packages).flatMap(
    ([dir, { version = '', dev = false }]) =>
      dir === '' || dev ? [] : [`${dir.replace(/^.*node_modules\//, '')}@${version}`],
  ),
);

/**
 * Lists all production dependencies of the lock file, for all platforms, with versions and licences, by npm's own command.
 *
 * Its option `--omit dev` cannot do it: npm 11 leaves out production packages that development packages need as well.
 */
export async function makeSbom(): Promise<Sbom> {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: projectDir, maxBuffer: 64 * 1024 * 1024 });
  const all = JSON.parse(stdout) as Sbom;
  const root = `${packageJson.name}@${packageJson.version}`;
  const isKept = (ref: string): boolean => productionPackages.has(ref) || ref === root;
  return {
    ...all,
    // npm calls it by the name of its directory.
    metadata: { ...all.metadata, component: { ...all.metadata.component, name: packageJson.name } },
    components: all.components.filter((component) => isKept(component['bom-ref'])),
    dependencies: all.dependencies
      .filter(({ ref }) => isKept(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isKept) })),
  };
}

/** `npm run sbom` */
async function main(): Promise<void> {
  const file = path.join(projectDir, 'dist', `${packageJson.name}.cdx.json`);
  const sbom = await makeSbom();
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(sbom, undefined, 2)}\n`);
  console.log(`${path.relative('', file)} lists ${sbom.components.length} packages`);
}

if (import.meta.main) await main();
