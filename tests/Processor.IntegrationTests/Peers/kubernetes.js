// Judges Kubernetes objects by the API's own schemas (npm kubernetes-models and its packages for the operators' kinds).
// Input: a file with a JSON array of objects. Output: one line a fault; nothing where all is well.
// The schemas let unknown fields pass, as an API server without strict validation does; a field that the validator never looks at is one.
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const packages = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'keda.sh': '@kubernetes-models/keda',
};

function watch(value, seen) {
  if (value === null || typeof value !== 'object') return value;
  const children = new Map();
  const note = { fields: new Set(), children };
  seen.push(note);
  return new Proxy(value, {
    get(target, key) {
      const child = target[key];
      if (typeof key === 'symbol' || (Array.isArray(target) && typeof child === 'function')) return child;
      note.fields.add(key);
      if (child === null || typeof child !== 'object') return child;
      if (!children.has(key)) {
        const below = [];
        children.set(key, { proxy: watch(child, below), note: below[0] });
      }
      return children.get(key).proxy;
    },
    ownKeys(target) {
      // for..in: a map, whose keys are anybody's.
      for (const key of Reflect.ownKeys(target)) note.fields.add(key);
      return Reflect.ownKeys(target);
    },
  });
}

function unknown(value, note, at, faults) {
  for (const key of Object.keys(value)) {
    if (!note.fields.has(key)) {
      // An object of which nothing at all was looked at is free-form.
      if (note.fields.size > 0) faults.push(`${at}/${key}: unknown field`);
    } else if (value[key] !== null && typeof value[key] === 'object' && note.children.has(key)) {
      unknown(value[key], note.children.get(key).note, `${at}/${key}`, faults);
    }
  }
}

async function judge(object) {
  const name = `${object.kind} ${object.metadata?.name}`;
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : '';
  const module = path.join(process.env.NODE_PATH, packages[group] ?? 'kubernetes-models', object.apiVersion, object.kind + '.js');
  let model;
  try {
    model = (await import(pathToFileURL(module)))[object.kind];
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return [`${name}: there is no ${object.apiVersion} ${object.kind}`];
    throw error;
  }
  const seen = [];
  const watched = watch(object, seen);
  const faults = [];
  try {
    // The model's own validate() copies; its prototype's takes the object as it is.
    model.prototype.validate.call(watched);
  } catch (error) {
    faults.push(error.message);
  }
  unknown(object, seen[0], '', faults);
  return faults.map((fault) => `${name}: ${fault}`);
}

(async () => {
  for (const object of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
    for (const fault of await judge(object)) console.log(fault);
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
