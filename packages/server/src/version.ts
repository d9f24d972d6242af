import manifest from '../package.json' with { type: 'json' };

/** Portolan's own version: all its packages have the same. */
export const version: string = manifest.version;
