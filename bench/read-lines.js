// The bare process with which `bench:report` compares the report: reads all lines of a history and parses them as JSON.
// Plain JavaScript, so that loading it takes next to nothing. Usage: node bench/read-lines.js <results>/runs
import { createReadStream, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const dir = process.argv[2] ?? '';
let steps = 0;
for (const name of readdirSync(dir).toSorted()) {
  for await (const line of createInterface({ input: createReadStream(path.join(dir, name)) })) {
    steps += JSON.parse(line).steps.length;
  }
}
console.log(steps);
