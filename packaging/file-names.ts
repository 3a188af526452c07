/** The name of everything: of the executable, of the monitor, of the directory in which the Orchestrator looks. */
export const programName = 'awsiam';

/** What the Orchestrator reads to learn the newest version. */
export const latestFile = `${programName}-latest.txt`;

/** Where the Orchestrator finds it with `METRIST_EXE_LOCAL_PATH=dist/local`. */
export const localExecutable = `local/${programName}/${programName}`;

/** `awsiam-0.1.0-20261122131000-ae58712-linux-x64.zip` */
export function zipFile(version: string, { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'>): string {
  return `${programName}-${version}-${platform}-${arch}.zip`;
}

/** Whether a file is the package of some version. */
export function isZipFile(name: string): boolean {
  return name.startsWith(`${programName}-`) && name.endsWith('.zip');
}
