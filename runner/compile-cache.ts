import { enableCompileCache } from 'node:module';

/**
 * Lets Node keep compiled code between runs, in its own place under the system's temporary directory. A monitor starts
 * every two minutes with the same code. Has to be imported before what shall be cached; NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
enableCompileCache();
