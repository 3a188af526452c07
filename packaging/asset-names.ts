/** What lies in the executable beside the code that it begins with. */
export const assetNames = { program: 'program.js', compiledCode: 'program.cache' } as const;
