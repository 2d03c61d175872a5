// What an agent of the modern era hears of a JSON-RPC error of Asana's: the codes of its era, and of the data only what its client needs
// and what names nothing hidden. Pure.
import type { Message } from './message';

interface Failure {
  code: number;
  data?: unknown;
}

/** -32002 is -32602 in the modern era (SEP-2164), and a resource that is not there is named as it was asked for. */
export function modernError({ method, params }: Message, { code, data }: Failure): Failure {
  const isResource = method === 'resources/read' && (code === -32002 || code === -32602);
  if (isResource) return { code: -32602, data: { uri: params.get('uri') } };
  if (code === -32021) return { code, data: { requiredCapabilities: namesOf(data) } };
  return { code };
}

/** `requiredCapabilities` with the names alone: whoever lacks one can't use what is inside it either. */
function namesOf(data: unknown): Record<string, object> {
  const required = (data as { requiredCapabilities?: unknown } | null)?.requiredCapabilities;
  if (typeof required !== 'object' || required === null || Array.isArray(required)) return {};
  return Object.fromEntries(
    Object.keys(required)
      .filter((name) => /^[a-zA-Z]{1,40}$/.test(name))
      .map((name) => [name, {}]),
  );
}
