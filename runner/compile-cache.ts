import { enableCompileCache, getCompileCacheDir } from 'node:module';

/**
 * Lets Node keep compiled code between runs, in its own place under the system's temporary directory: a monitor starts
 * every two minutes with the same code. Has to be imported before what shall be cached. Workers inherit it by the
 * environment; NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
enableCompileCache();
const dir = getCompileCacheDir();
if (dir !== undefined) process.env['NODE_COMPILE_CACHE'] = dir;
