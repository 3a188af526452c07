import { writeSync } from 'node:fs';
import sea from 'node:sea';
import { isatty } from 'node:tty';
import { formatFrame } from '../metrist/protocol/frame.ts';
import { protocolVersion } from '../metrist/protocol/messages.ts';
import { assetNames, loadProgram } from './load-program.ts';

// The entry of the executable. It sends `Started` before it loads the program, so that both sides work at the same time.
const args = process.argv.slice(2);
const isCommand = args.length > 0 || isatty(0);
const startedSent = !isCommand && sendStarted();
const { main, isCacheRejected } = loadProgram(
  sea.getAsset(assetNames.program, 'latin1'),
  Buffer.from(sea.getRawAsset(isCommand ? assetNames.commandCode : assetNames.orchestratorCode)),
);
if (isCacheRejected)
  process.stderr.write('awsiam: the compiled code in the executable cannot be used here, so the start takes longer\n');
void main(args, { self: [process.execPath], startedSent });

/** @returns whether `Started` was written; if not, the program writes it again and handles the error */
function sendStarted(): boolean {
  try {
    // Without formatFromMonitor(), which would load much more code. A pipe accepts so few bytes completely or not at all.
    writeSync(1, formatFrame(`Started ${protocolVersion}`));
    return true;
  } catch {
    return false;
  }
}
