// The lock file installs on every platform, runs no install script nobody agreed to, and holds no version with a known hole.

/** Lowest safe versions, one per major that has a fix; another major below the last is unsafe, above it is safe. */
const FLOORS = {
  '@modelcontextprotocol/sdk': ['1.32.0'],
  '@modelcontextprotocol/server': ['2.3.0'],
  '@modelcontextprotocol/client': ['2.3.0'],
  '@modelcontextprotocol/express': ['2.3.0'],
  '@modelcontextprotocol/hono': ['2.3.0'],
  '@modelcontextprotocol/node': ['2.3.0'],
  next: ['15.5.21', '16.2.11'],
  react: ['19.1.2'],
  'react-dom': ['19.1.2'],
  'react-server-dom-webpack': ['19.1.2'],
  'react-server-dom-turbopack': ['19.1.2'],
  'next-auth': ['4.24.15', '5.0.0-beta.32'],
  '@auth/core': ['0.41.3'],
  'better-auth': ['1.6.11'],
  undici: ['7.29.1', '8.10.2'],
};

/** 5.0.0-beta.31 → release [5, 0, 0], pre-release [31]; a release has the pre-release [Infinity], above all of its own. */
function parse(version) {
  const [release, ...pre] = version.split('+')[0].split('-');
  const numbers = (text) => (text.match(/\d+/g) ?? ['0']).map(Number);
  return { release: numbers(release), pre: pre.length > 0 ? numbers(pre.join('-')) : [Infinity] };
}

/** Whether `version` is below `floor`. */
function isBelow(version, floor) {
  const [left, right] = [parse(version), parse(floor)].map(({ release, pre }) => [...release, ...pre]);
  const at = left.findIndex((number, index) => number !== right[index]);
  return at >= 0 && left[at] < (right[at] ?? 0);
}

function isUnsafe(name, version) {
  const floors = FLOORS[name];
  if (!floors) return false;
  const major = parse(version).release[0];
  const floor = floors.find((candidate) => parse(candidate).release[0] === major);
  return floor ? isBelow(version, floor) : isBelow(version, floors.at(-1));
}

/**
 * What is wrong with a package.json and its package-lock.json (both parsed), a sentence each; empty: nothing.
 */
export function lockProblems(manifest, lock) {
  const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
  const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const present = new Set(entries.map(([path]) => nameOf(path)));
  const problems = [];
  for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies'])
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      if (!/^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version))
        problems.push(`package.json does not pin ${name} to one version (${version}).`);
      if (lock.packages['']?.[kind]?.[name] !== version)
        problems.push(`package-lock.json does not know ${name} ${version} of package.json.`);
    }
  for (const [path, entry] of entries) {
    const name = nameOf(path);
    // npm leaves out of the lock what the registry lacked that day; `npm ci` then refuses, or another platform gets no program.
    for (const [optional, range] of Object.entries(entry.optionalDependencies ?? {}))
      if (!present.has(optional))
        problems.push(
          `package-lock.json lacks ${optional} ${range}, which ${name} ${entry.version} names for some platform.`,
        );
    if (!entry.integrity && !entry.link)
      problems.push(`package-lock.json has no checksum for ${name} ${entry.version}.`);
    if (entry.hasInstallScript && !(name in (manifest.allowScripts ?? {})))
      problems.push(
        `${name} ${entry.version} has an install script that allowScripts in package.json does not name.`,
      );
    if (isUnsafe(name, entry.version))
      problems.push(
        `${name} ${entry.version} has a known hole; the lowest safe versions are ${FLOORS[name].join(' and ')}.`,
      );
  }
  return problems;
}
