// What a source file imports, writes and calls, from its syntax tree: comments and strings can't hide or fake anything.
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { parseAst } from 'vitest/node';

type Node = { type: string; [key: string]: unknown };

/** `imports`: repository paths without extension, package names, or `node:` names. `nodes`: every node of the tree. */
export type Source = { path: string; text: string; imports: string[]; nodes: Node[] };

/** Parses a TypeScript or JavaScript file; `path` is relative to the repository, with `/`. */
export function parseSource(path: string, text: string): Source {
  const lang = path.endsWith('x') ? 'tsx' : 'ts';
  const nodes: Node[] = [];
  collect(parseAst(text, { lang }) as unknown as Node, nodes);
  const imports = nodes.flatMap((node) => {
    const specifier = specifierOf(node);
    return specifier === undefined ? [] : [resolve(path, specifier)];
  });
  return { path, text, imports, nodes };
}

function collect(value: unknown, nodes: Node[]): void {
  if (Array.isArray(value)) for (const entry of value) collect(entry, nodes);
  else if (typeof value === 'object' && value !== null && 'type' in value) {
    nodes.push(value as Node);
    for (const entry of Object.values(value)) if (typeof entry === 'object') collect(entry, nodes);
  }
}

/** Static and dynamic imports, re-exports, types, `require`; an import whose name is computed is named `computed:`. */
function specifierOf(node: Node): string | undefined {
  const source = (node.source ?? (node.moduleReference as Node | undefined)?.expression) as Node | undefined;
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'TSImportType':
    case 'TSImportEqualsDeclaration':
      return source ? stringOf(source) : undefined;
    case 'ImportExpression':
      return stringOf(source!) ?? 'computed:';
    case 'CallExpression': {
      const [callee, [argument]] = [node.callee as Node, node.arguments as Node[]];
      return callee.name === 'require' && argument ? (stringOf(argument) ?? 'computed:') : undefined;
    }
    default:
      return undefined;
  }
}

/** The value of a string literal, or of a template literal without holes. */
export function stringOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  const quasis = node.type === 'TemplateLiteral' ? (node.quasis as { value: { cooked: string } }[]) : [];
  return quasis.length === 1 ? quasis[0]!.value.cooked : undefined;
}

function resolve(path: string, specifier: string): string {
  const own = specifier.startsWith('@/')
    ? posix.normalize(specifier.slice(2))
    : specifier.startsWith('.')
      ? posix.join(posix.dirname(path), specifier)
      : undefined;
  if (own !== undefined) return own.replace(/\.[cm]?[jt]sx?$/, '');
  return isBuiltin(specifier) ? `node:${specifier.replace(/^node:/, '')}` : specifier;
}

/** `a.b.c` or `a['b'].c` as text; anything else in the chain reads `?`. */
export function chainOf(node: Node): string {
  if (node.type === 'Identifier') return node.name as string;
  if (node.type === 'ChainExpression') return chainOf(node.expression as Node);
  if (node.type !== 'MemberExpression') return '?';
  const property = node.property as Node;
  const name = node.computed ? (stringOf(property) ?? '?') : (property.name as string);
  return `${chainOf(node.object as Node)}.${name}`;
}
