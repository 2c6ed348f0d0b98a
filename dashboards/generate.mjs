// @ts-check
// Writes the dashboards' JSON from src/: node dashboards/generate.mjs [FOLDER]. A test compares generated/ with what this writes.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = process.argv[2] ?? join(here, 'generated');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(join(here, 'src')).filter(name => name !== 'kit.mjs').sort()) {
  const { default: dashboard } = await import(new URL(`src/${file}`, import.meta.url).href);
  writeFileSync(join(folder, `${dashboard.uid}.json`), JSON.stringify(dashboard, null, 2) + '\n');
}
