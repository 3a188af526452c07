import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

interface Fields {
  [name: string]: unknown;
}

interface KubernetesObject extends Fields {
  readonly kind: string;
  readonly metadata: Fields;
}

interface Patch {
  readonly target: { readonly kind: string; readonly name: string };
  /** YAML: a list of JSON patch operations. */
  readonly patch: string;
}

/**
 * Does what `kubectl kustomize` does with a directory, as far as `deploy/kubernetes/` needs it, because Debian 12's kubectl is
 * too old. Where a newer one is installed, `kubernetes.test.ts` compares the two. It adds no hash to the name of a ConfigMap.
 *
 * @throws for anything that it does not know, so that nothing is left out without notice
 */
export async function resolveKustomization(dir: string): Promise<readonly KubernetesObject[]> {
  const text = await readFile(path.join(dir, 'kustomization.yaml'), 'utf8');
  const {
    apiVersion,
    kind: _,
    resources = [],
    namespace,
    images = [],
    configMapGenerator = [],
    patches = [],
    ...unknown
  } = parse(text) as Fields & {
    readonly resources?: readonly string[];
    readonly namespace?: string;
    readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
    readonly configMapGenerator?: readonly { readonly name: string; readonly literals: readonly string[] }[];
    readonly patches?: readonly Patch[];
  };
  refuse(apiVersion !== 'kustomize.config.k8s.io/v1beta1', `apiVersion ${String(apiVersion)}`);
  refuse(Object.keys(unknown).length > 0, Object.keys(unknown).join(', '));
  const objects = (await Promise.all(resources.map((resource) => readResource(path.join(dir, resource))))).flat();
  for (const { name, literals, ...rest } of configMapGenerator) {
    refuse(Object.keys(rest).length > 0, Object.keys(rest).join(', '));
    const data = Object.fromEntries(literals.map((literal) => /^([^=]+)=(.*)$/s.exec(literal)?.slice(1) ?? []));
    objects.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  }
  for (const patch of patches) applyPatch(objects, patch);
  for (const { name, newName, newTag } of images) {
    for (const container of findContainers(objects)) {
      if (container['image'] === name) container['image'] = `${newName}:${newTag}`;
    }
  }
  if (namespace !== undefined) {
    for (const { kind, metadata } of objects) metadata[kind === 'Namespace' ? 'name' : 'namespace'] = namespace;
  }
  return objects;
}

function refuse(isUnknown: boolean, what: string): void {
  if (isUnknown) throw new Error(`the tests do not know what kustomize does with ${what}`);
}

async function readResource(file: string): Promise<readonly KubernetesObject[]> {
  if ((await stat(file)).isDirectory()) return await resolveKustomization(file);
  return parseAllDocuments(await readFile(file, 'utf8')).map((document) => document.toJS() as KubernetesObject);
}

/** Applies JSON patches (RFC 6902) of the operations `add` and `replace`. */
function applyPatch(objects: readonly KubernetesObject[], { target, patch }: Patch): void {
  const object = objects.find(({ kind, metadata }) => kind === target.kind && metadata['name'] === target.name);
  if (object === undefined) throw new Error(`no ${target.kind} ${target.name} to patch`);
  for (const { op, path: pointer, value } of parse(patch) as readonly Fields[]) {
    const names = String(pointer).split('/').slice(1);
    const last = names.pop() ?? '';
    const parent = names.reduce<Fields>((fields, name) => fields[name] as Fields, object);
    refuse(op !== 'add' && op !== 'replace', `the operation ${String(op)}`);
    if (op === 'replace' && !(last in parent)) throw new Error(`${String(pointer)} does not exist`);
    parent[last] = value;
  }
}

function findContainers(value: unknown): Fields[] {
  if (typeof value !== 'object' || value === null) return [];
  const { containers = [] } = value as { readonly containers?: readonly Fields[] };
  return [...containers, ...Object.values(value).flatMap(findContainers)];
}
