type Manifest = Record<string, unknown>;
type Lock = { packages: Record<string, Record<string, unknown>> };
export function lockProblems(manifest: Manifest, lock: Lock): string[];
