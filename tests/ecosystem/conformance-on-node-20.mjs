// Preloaded into MCP's conformance suites: both import fs.globSync, which Node 20 lacks and no scenario here uses.
import { register } from 'node:module';

const source = `
  export const resolve = (specifier, context, next) =>
    specifier === 'fs' && context.parentURL?.includes('/conformance-')
      ? { url: 'shim:fs', shortCircuit: true }
      : next(specifier, context);
  export const load = async (url, context, next) => {
    if (url !== 'shim:fs') return next(url, context);
    const names = Object.keys(await import('node:fs')).filter((name) => !/^(default|globSync)$/.test(name));
    const source = 'import fs from "node:fs"; export default fs;'
      + names.map((name) => 'export const ' + name + ' = fs.' + name + ';').join('')
      + 'export const globSync = () => { throw new Error("globSync needs Node 22"); };';
    return { format: 'module', shortCircuit: true, source };
  };`;
register(`data:text/javascript,${encodeURIComponent(source)}`, import.meta.url);
