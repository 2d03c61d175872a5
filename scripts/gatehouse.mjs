#!/usr/bin/env node
// `npm run <command>` lands here: tells an old Node that it is too old, in words that Node still understands.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    'Gatehouse needs Node 20.19 or newer, and this is Node ' +
      process.versions.node +
      ': install a newer one from nodejs.org.',
  );
  process.exit(1);
}
void import('./commands.mjs').then(({ runCommand }) => runCommand(process.argv[2], process.argv.slice(3)));
