// Where a client may send people back: compared byte for byte, but for the port of a loopback address. Pure.

/** An organization's rule. */
export interface RedirectRule {
  /** Exact URIs. */
  uris: string[];
  /** Whether programs on the person's own computer (any loopback port and path) may be sent back to. */
  allowLoopback: boolean;
}

/** Clients that many people use, with the places that they are known to send people back to. */
export const KNOWN_CLIENTS: readonly { name: string; uris: readonly string[] }[] = [
  {
    name: 'Claude',
    uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
  },
  { name: 'ChatGPT', uris: ['https://chatgpt.com/connector_platform_oauth_redirect'] },
  { name: 'Cursor', uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] },
  { name: 'VS Code', uris: ['https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect'] },
];

/** The rule of an organization that never changed it. */
export const DEFAULT_RULE: RedirectRule = {
  uris: KNOWN_CLIENTS.flatMap(({ uris }) => [...uris]),
  allowLoopback: true,
};

// Nothing is parsed and put together again: a parser that forgives is how look-alikes get in (AS-01).
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::([1-9]\d{0,4}))?(?:\/[\x21-\x7e]*)?$/;

/** Whether a URI is a program on the person's own computer (RFC 8252 §7.3): http, a loopback name, any port. */
export function isLoopbackRedirect(uri: string): boolean {
  const found = LOOPBACK.exec(uri);
  return found !== null && Number(found[1] ?? 80) <= 65_535 && !/[#\\]/.test(uri) && !dotSegments(uri);
}

/** Whether the rule lets a client send people back to `uri`. */
export function isAllowedRedirect(rule: RedirectRule, uri: string): boolean {
  return rule.uris.includes(uri) || (rule.allowLoopback && isLoopbackRedirect(uri));
}

/**
 * Why a URI can't be a redirect URI at all, or null: it must be https, loopback http, or an application's own scheme; absolute,
 * without fragment, credentials or dot segments, in plain ASCII (RFC 6749 §3.1.2, RFC 8252 §7, AS-03).
 */
export function redirectUriFault(uri: string): string | null {
  if (uri.length > 2_000 || !/^[\x21-\x7e]+$/.test(uri)) return 'must be plain ASCII without spaces';
  if (/[#\\]/.test(uri)) return 'must have no fragment and no backslash';
  if (!URL.canParse(uri)) return 'must be an absolute URI';
  const { protocol, username, password, hostname } = new URL(uri);
  if (username !== '' || password !== '' || /^[^/]*\/\/[^/?]*@/.test(uri)) return 'must hold no credentials';
  if (dotSegments(uri)) return 'must have no dot segments';
  if (protocol === 'http:') return isLoopbackRedirect(uri) ? null : 'must use https, or http on loopback';
  if (protocol === 'https:')
    return uri.startsWith('https://') &&
      /^[a-z0-9.-]+$/.test(hostname) &&
      !/^(?:localhost$|127\.)/.test(hostname)
      ? null
      : 'must name a host after https://';
  if (
    /^(?:javascript|vbscript|data|blob|file|about|ftp|ws|wss|filesystem|view-source|mailto|chrome|intent):$/.test(
      protocol,
    )
  )
    return `must not use the scheme ${protocol}`;
  return /^[a-z][a-z0-9+.-]{1,60}:\/\/./.test(uri) ? null : 'must be https, loopback http, or scheme://path';
}

function dotSegments(uri: string): boolean {
  const path = uri.replace(/^[^/]*\/\/[^/?]*/, '').split('?', 1)[0]!;
  return path.split('/').some((part) => /^(?:\.|%2e){1,2}$/i.test(part));
}

/** The place for people to read: a host, `this computer`, or an application's scheme. */
export function redirectPlace(uri: string): { kind: 'web' | 'loopback' | 'app'; name: string } {
  if (isLoopbackRedirect(uri)) return { kind: 'loopback', name: new URL(uri).host };
  const { protocol, host } = new URL(uri);
  return protocol === 'https:'
    ? { kind: 'web', name: host }
    : { kind: 'app', name: `${protocol.slice(0, -1)}://${host}` };
}

/**
 * The known client that a name pretends to be, or null. A loopback address can be anybody's, so there a name proves nothing either
 * way; a web address that is not the known client's is another's (AS-17).
 */
export function imitatedClient(name: string, uri: string): string | null {
  const folded = foldLookAlikes(name);
  const own = KNOWN_CLIENTS.find(({ uris }) => uris.includes(uri))?.name;
  const claimed = [...NAMES].find(([word]) => folded.includes(word))?.[1];
  return claimed !== undefined && claimed !== own && !isLoopbackRedirect(uri) ? claimed : null;
}

const NAMES = new Map([
  ...([
    ['claude', 'Claude'],
    ['anthropic', 'Claude'],
    ['chatgpt', 'ChatGPT'],
    ['openai', 'ChatGPT'],
  ] as const),
  ...([
    ['cursor', 'Cursor'],
    ['vscode', 'VS Code'],
    ['visualstudiocode', 'VS Code'],
  ] as const),
  ...([
    ['asana', 'Asana'],
    ['gatehouse', 'Gatehouse'],
  ] as const),
]);

const LOOK_ALIKES: Record<string, string> = {
  ...{ 0: 'o', 1: 'l', 3: 'e', 5: 's', '@': 'a', $: 's', '|': 'l', '!': 'i' },
  ...{
    а: 'a',
    е: 'e',
    о: 'o',
    р: 'p',
    с: 'c',
    у: 'y',
    х: 'x',
    і: 'i',
    ѕ: 's',
    ԁ: 'd',
    ӏ: 'l',
    ո: 'n',
    һ: 'h',
    т: 't',
  },
  ...{ α: 'a', ο: 'o', ρ: 'p', ν: 'v', ι: 'i', ε: 'e', υ: 'u', τ: 't', ⅼ: 'l', ꓲ: 'l' },
};

function foldLookAlikes(name: string): string {
  return Array.from(name.normalize('NFKD').toLowerCase(), (character) => LOOK_ALIKES[character] ?? character)
    .join('')
    .replace(/[^a-z0-9]/g, '');
}

/** A name that a stranger gave, fit to be shown: one line, no control or direction characters, at most 80 characters. */
export function displayName(given: unknown): string {
  const text = typeof given === 'string' ? given : '';
  const plain = text
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Surrogate}\u2028\u2029]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return Array.from(plain).slice(0, 80).join('') || 'Unnamed client';
}
