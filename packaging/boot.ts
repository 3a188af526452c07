import { writeSync } from 'node:fs';
import sea from 'node:sea';
import { isatty } from 'node:tty';
import { formatFrame } from '../metrist/protocol/frame.ts';
import { protocolVersion } from '../metrist/protocol/messages.ts';
import { assetNames, loadProgram } from './load-program.ts';

// What the executable begins with. The Orchestrator is greeted before the program is loaded, so that it answers meanwhile.
const args = process.argv.slice(2);
const greeted = args.length === 0 && !isatty(0) && greet();
const { main, isCacheRejected } = loadProgram(
  sea.getAsset(assetNames.program, 'latin1'),
  Buffer.from(sea.getRawAsset(assetNames.compiledCode)),
);
if (isCacheRejected)
  process.stderr.write('awsiam: the compiled code in the executable is not usable here: slower start\n');
void main(args, { self: [process.execPath], greeted });

/** Whether it could be written: where it could not, the program does it, and waits for room or finds nobody there. */
function greet(): boolean {
  try {
    // Not by formatFromMonitor(), with which all that it needs would come. A pipe takes so few bytes whole or not at all.
    writeSync(1, formatFrame(`Started ${protocolVersion}`));
    return true;
  } catch {
    return false;
  }
}
