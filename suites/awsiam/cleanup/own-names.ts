/** Where an entity stands in the account. */
export interface Entity {
  readonly name: string;
  readonly path: string;
}

/**
 * The names that runs in this namespace give, and the original monitor gave, which had no random part. The pattern is
 * whole: `dev` must not match the entities of `dev-eu` or `dev1`.
 */
export function ownNamePattern(kind: 'testuser' | 'testgroup', namespace: string): RegExp {
  return new RegExp(`^${kind}-${RegExp.escape(namespace)}-[0-9a-z]{8,9}(?:-[0-9a-z]{6})?$`);
}

/** A deletion was asked for that this monitor must never make: a bug, not a fault of the account. */
export class ForeignEntityError extends Error {
  override readonly name = 'ForeignEntity';

  constructor({ path, name }: Entity) {
    super(`refused to touch ${path}${name}: it is not a test entity of this namespace`);
  }
}

/**
 * The last gate before anything is removed.
 *
 * @throws {ForeignEntityError} unless the entity lies under exactly this path and has a name of this namespace
 */
export function assertOwn(entity: Entity, path: string, pattern: RegExp): void {
  if (entity.path !== path || !pattern.test(entity.name)) throw new ForeignEntityError(entity);
}
