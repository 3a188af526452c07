#!/usr/bin/env node
import '../runner/compile-cache.ts';
import { main } from './main.ts';

await main(process.argv.slice(2), { self: [process.execPath, import.meta.filename] });
