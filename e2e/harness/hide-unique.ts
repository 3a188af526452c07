/** Names of entities: they contain the time and random characters. */
export const uniqueName = /\b(test(?:user|group)-[\w+=,.@-]*?)-[\da-z]{8,9}-[\da-z]{6}\b/g;
