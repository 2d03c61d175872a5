// Maps that can not grow without end: a test that floods the sandbox must hit Gatehouse's limits, not fill the memory.

/** Sets a value and, beyond `limit` entries, forgets the oldest one. Setting a known key makes it the newest. */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > limit) map.delete(map.keys().next().value as K);
}
