/** Writes `.next/gatehouse/<name>.mjs` and returns its path. Packages stay where they are. Throws what esbuild found. */
export function bundle(source: string, name: string): Promise<string>;
