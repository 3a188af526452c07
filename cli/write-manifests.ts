import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createManifests } from './manifests.ts';

// npm run manifests
for (const [name, manifest] of Object.entries(createManifests())) {
  await writeFile(path.join(import.meta.dirname, '..', name), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
